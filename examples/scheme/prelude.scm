;;; prelude.scm -- the part of the system that is written in Scheme
;;;
;;; Names that start with % are not meant for programs.

;;; Errors, continuations and dynamic extent

(define %winders '())

(define (values . all)
  (if (and (pair? all) (null? (cdr all)))
      (car all)
      (%make-record 'values all)))

(define (call-with-values producer consumer)
  (let ((v (producer)))
    (if (%record-is? v 'values)
        (apply consumer (%record-ref v 'values 0))
        (consumer v))))

(define (%tail? tail list)
  (cond ((eq? tail list) #t)
        ((null? list) #f)
        (else (%tail? tail (cdr list)))))

;; Leave extents until we are in one that the target is inside of, then enter
;; those that are missing, outermost first.
(define (%rewind target)
  (let leave ()
    (if (not (%tail? %winders target))
        (let ((w (car %winders)))
          (set! %winders (cdr %winders))
          ((cdr w))
          (leave))))
  (let enter ((ws target))
    (if (not (eq? ws %winders))
        (begin
          (enter (cdr ws))
          ((car (car ws)))
          (set! %winders ws)))))

(define (call/cc f)
  (let ((winders %winders) (handlers (%handlers)))
    (%call/cc
     (lambda (k)
       (f (lambda all
            (if (not (eq? winders %winders)) (%rewind winders))
            (%set-handlers! handlers)
            (k (apply values all))))))))
(define call-with-current-continuation call/cc)
(define call-with-escape-continuation call/cc)

(define (dynamic-wind before thunk after)
  (before)
  (set! %winders (cons (cons before after) %winders))
  (let ((result (thunk)))
    (set! %winders (cdr %winders))
    (after)
    result))

;; Handlers run with the handlers outside theirs in force.
(define (%raise x)
  (let ((hs (%handlers)))
    (if (null? hs)
        (%uncaught x)
        (begin
          (%set-handlers! (cdr hs))
          ((car hs) x)
          (error "exception handler returned" x)))))
(define raise %raise)

(define (raise-continuable x)
  (let ((hs (%handlers)))
    (if (null? hs)
        (%uncaught x)
        (begin
          (%set-handlers! (cdr hs))
          (let ((result ((car hs) x)))
            (%set-handlers! hs)
            result)))))

(define (error message . irritants)
  (%raise (%make-error message irritants)))

(define (with-exception-handler handler thunk)
  (let ((hs (%handlers)))
    (%set-handlers! (cons handler hs))
    (let ((result (thunk)))
      (%set-handlers! hs)
      result)))

;; Call thunk; if it raises something, leave it and return (handler thing).
(define (catch thunk handler)
  ((call/cc
    (lambda (k)
      (with-exception-handler
       (lambda (x) (k (lambda () (handler x))))
       (lambda () (let ((v (thunk))) (lambda () v))))))))
(define %guard catch)

(define (assert ok . what)
  (if (not ok) (apply error "assertion failed" what)))

;;; Promises and streams

(define-record-type %promise
  (%new-promise done value) %promise?
  (done %promise-done %set-promise-done!)
  (value %promise-value %set-promise-value!))
(define (%make-promise thunk) (%new-promise #f thunk))
(define promise? %promise?)
(define (force p)
  (cond ((not (%promise? p)) p)
        ((%promise-done p) (%promise-value p))
        (else
         (let ((v ((%promise-value p))))
           (if (not (%promise-done p))
               (begin (%set-promise-done! p #t)
                      (%set-promise-value! p v)))
           (%promise-value p)))))
(define (stream-car s) (car s))
(define (stream-cdr s) (force (cdr s)))

;;; Numbers

(define (positive? x) (> x 0))
(define (negative? x) (< x 0))
(define (even? n) (= (remainder n 2) 0))
(define (odd? n) (not (even? n)))
(define (abs x) (if (< x 0) (- x) x))
(define magnitude abs)
(define (square x) (* x x))
(define (1+ x) (+ x 1))
(define (-1+ x) (- x 1))
(define (gcd . all)
  (define (gcd2 a b) (if (= b 0) (abs a) (gcd2 b (remainder a b))))
  (fold-left gcd2 0 all))
(define (lcm . all)
  (fold-left (lambda (a b) (if (or (= a 0) (= b 0)) 0
                               (quotient (abs (* a b)) (gcd a b))))
             1 all))

;;; Lists

(define (%any-null? lists)
  (and (pair? lists)
       (or (null? (car lists)) (%any-null? (cdr lists)))))

(define (%map1 f list)
  (let loop ((list list) (done '()))
    (if (null? list)
        (reverse done)
        (loop (cdr list) (cons (f (car list)) done)))))

(define (map f list . more)
  (cond ((null? more) (%map1 f list))
        ((null? (cdr more))
         (let loop ((a list) (b (car more)) (done '()))
           (if (or (null? a) (null? b))
               (reverse done)
               (loop (cdr a) (cdr b) (cons (f (car a) (car b)) done)))))
        (else
         (let loop ((ls (cons list more)) (done '()))
           (if (%any-null? ls)
               (reverse done)
               (loop (%map1 cdr ls)
                     (cons (apply f (%map1 car ls)) done)))))))

(define (for-each f list . more)
  (if (null? more)
      (let loop ((list list))
        (if (pair? list)
            (begin (f (car list)) (loop (cdr list)))))
      (let loop ((ls (cons list more)))
        (if (not (%any-null? ls))
            (begin (apply f (%map1 car ls)) (loop (%map1 cdr ls)))))))

(define (append-map f . lists) (apply append (apply map f lists)))
(define (filter keep? list)
  (let loop ((list list) (done '()))
    (cond ((null? list) (reverse done))
          ((keep? (car list)) (loop (cdr list) (cons (car list) done)))
          (else (loop (cdr list) done)))))
(define (remove drop? list) (filter (lambda (x) (not (drop? x))) list))
(define (partition test list)
  (values (filter test list) (remove test list)))
(define (delete x list) (remove (lambda (y) (equal? x y)) list))
(define (fold-left f acc list)
  (if (null? list) acc (fold-left f (f acc (car list)) (cdr list))))
(define (fold-right f acc list)
  (fold-left (lambda (a x) (f x a)) acc (reverse list)))
(define (fold f acc list)
  (fold-left (lambda (a x) (f x a)) acc list))
(define (reduce f initial list)
  (if (null? list) initial (fold f (car list) (cdr list))))
(define (any test list)
  (and (pair? list) (or (test (car list)) (any test (cdr list)))))
(define (every test list)
  (or (null? list) (and (test (car list)) (every test (cdr list)))))
(define (find test list)
  (cond ((null? list) #f)
        ((test (car list)) (car list))
        (else (find test (cdr list)))))
(define (list-index test list)
  (let loop ((list list) (i 0))
    (cond ((null? list) #f)
          ((test (car list)) i)
          (else (loop (cdr list) (+ i 1))))))
(define (iota n . opt)
  (let ((start (if (pair? opt) (car opt) 0))
        (step (if (and (pair? opt) (pair? (cdr opt))) (cadr opt) 1)))
    (let loop ((i (- n 1)) (done '()))
      (if (< i 0)
          done
          (loop (- i 1) (cons (+ start (* i step)) done))))))
(define (make-list n . opt)
  (vector->list (make-vector n (if (pair? opt) (car opt) #f))))
(define (list-copy list) (append list '()))
(define (list-head list k)
  (let loop ((list list) (k k) (done '()))
    (if (= k 0)
        (reverse done)
        (loop (cdr list) (- k 1) (cons (car list) done)))))
(define (last-pair list)
  (if (pair? (cdr list)) (last-pair (cdr list)) list))
(define (last list) (car (last-pair list)))
(define (append! a b)
  (if (null? a) b (begin (set-cdr! (last-pair a) b) a)))
(define (assq-ref alist key)
  (let ((p (assq key alist))) (and p (cdr p))))

;;; Vectors

(define (vector-map f v)
  (let* ((n (vector-length v)) (r (make-vector n 0)))
    (do ((i 0 (+ i 1))) ((= i n) r)
      (vector-set! r i (f (vector-ref v i))))))
(define (vector-for-each f v)
  (let ((n (vector-length v)))
    (do ((i 0 (+ i 1))) ((= i n))
      (f (vector-ref v i)))))
(define (vector-append . vs)
  (list->vector (apply append (map vector->list vs))))
(define (vector-grow v n)
  (let ((r (make-vector n 0)))
    (do ((i 0 (+ i 1))) ((= i (vector-length v)) r)
      (vector-set! r i (vector-ref v i)))))
(define subvector vector-copy)

;;; Sorting: a stable merge sort on lists; vectors go through it

(define (%merge a b less?)
  (let loop ((a a) (b b) (done '()))
    (cond ((null? a) (%append-reverse done b))
          ((null? b) (%append-reverse done a))
          ((less? (car b) (car a)) (loop a (cdr b) (cons (car b) done)))
          (else (loop (cdr a) b (cons (car a) done))))))
(define (%append-reverse a b)
  (if (null? a) b (%append-reverse (cdr a) (cons (car a) b))))
(define (%sort-list list n less?)
  (cond ((= n 0) '())
        ((= n 1) (cons (car list) '()))
        (else
         (let ((half (quotient n 2)))
           (%merge (%sort-list list half less?)
                   (%sort-list (list-tail list half) (- n half) less?)
                   less?)))))
(define (sort x less?)
  (if (vector? x)
      (list->vector (sort (vector->list x) less?))
      (%sort-list x (length x) less?)))

;;; Strings and characters

(define (string-for-each f s) (for-each f (string->list s)))
(define (string-map f s) (list->string (map f (string->list s))))
(define (string-reverse s) (list->string (reverse (string->list s))))
(define (string-index s c)
  (let ((n (string-length s)))
    (let loop ((i 0))
      (cond ((= i n) #f)
            ((char=? (string-ref s i) c) i)
            (else (loop (+ i 1)))))))
(define (string-null? s) (= (string-length s) 0))
(define (string-split s c)
  (let loop ((i (- (string-length s) 1)) (end (string-length s)) (done '()))
    (cond ((< i 0) (cons (substring s 0 end) done))
          ((char=? (string-ref s i) c)
           (loop (- i 1) i (cons (substring s (+ i 1) end) done)))
          (else (loop (- i 1) end done)))))
(define (string-pad-left s n . opt)
  (let ((len (string-length s)))
    (if (>= len n)
        (substring s (- len n) len)
        (string-append (make-string (- n len) (if (pair? opt) (car opt) #\space))
                       s))))
(define (char->digit c)
  (and (char-numeric? c) (- (char->integer c) 48)))
(define (string->vector s) (list->vector (string->list s)))
(define (symbol-append . symbols)
  (string->symbol (apply string-append (map symbol->string symbols))))

;;; Hash tables

(define (hash-table-update! t key f . opt)
  (hash-table-set! t key (f (hash-table-ref t key (and (pair? opt) (car opt))))))
(define (hash-table-keys t) (%map1 car (hash-table->alist t)))
(define (hash-table-values t) (%map1 cdr (hash-table->alist t)))
(define (hash-table-walk t f)
  (for-each (lambda (p) (f (car p) (cdr p))) (hash-table->alist t)))

;;; Input and output

(define (call-with-output-string f)
  (let ((port (open-output-string)))
    (f port)
    (get-output-string port)))
(define (read-line . opt)
  (let ((out (open-output-string)))
    (let loop ((c (apply read-char opt)) (any #f))
      (cond ((eof-object? c) (if any (get-output-string out) c))
            ((char=? c #\newline) (get-output-string out))
            (else (write-char c out) (loop (apply read-char opt) #t))))))
(define (print . all)
  (for-each display all)
  (newline))

(define (eval x . environment) ((%compile x)))

(define (%load-port port)
  (let ((x (read port)))
    (if (not (eof-object? x))
        (begin (eval x) (%load-port port)))))
(define (load file) (%load-port (open-input-file file)))
(define (%load-text text) (%load-port (open-input-string text)))

(define (%skip-line)
  (let ((c (read-char)))
    (if (not (or (eof-object? c) (char=? c #\newline))) (%skip-line))))

(define (%repl)
  (%prompt)
  (let ((x (catch (lambda () (list (read)))
                  (lambda (e) (%print-error e) (%skip-line) #f))))
    (if (or (not x) (not (eof-object? (car x))))
        (begin
          (if x
              (catch (lambda ()
                       (let ((v (eval (car x))))
                         (if (not (%unspecified? v))
                             (begin (write v) (newline)))))
                     %print-error))
          (%repl)))))
