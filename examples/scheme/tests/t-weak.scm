;;; t-weak.scm -- weak hash tables and weak pairs
;;;
;;; The collector scans the C stack conservatively, so of things let go a few
;;; may stay: `few' allows for them.  What is held on to must stay, all of it.

(define (few? n) (<= 0 n 20))
(define n 1000)

;; Fills a table with n entries made by `entry', a function of i and of the
;; thing to be held; answers the list of things for even i.
(define (fill! t entry)
  (let loop ((i 0) (held '()))
    (if (= i n)
        held
        (let ((thing (list i)))
          (entry t i thing)
          (loop (+ i 1) (if (even? i) (cons thing held) held))))))
;; Leave no old references lying about.
(define (scrub) (let down ((n 3000)) (if (= n 0) 0 (+ 1 (down (- n 1))))))

(define by-key (make-weak-key-hashtable))
(define held (fill! by-key (lambda (t i thing) (hash-table-set! t thing (list (* i i))))))
(scrub)
(gc)
(check 'weak-keys-held
       (every (lambda (k) (equal? (hash-table-ref by-key k) (list (* (car k) (car k))))) held)
       #t)
(check 'weak-keys-gone (few? (- (hash-table-count by-key) (length held))) #t)
(check 'weak-keys-listed (length (hash-table->alist by-key)) (hash-table-count by-key))
(check 'weak-keys-and-values
       (every (lambda (p) (equal? (cdr p) (list (* (caar p) (caar p))))) (hash-table->alist by-key))
       #t)
;; Keys have moved; the table finds them, takes more, and gives some up.
(gc)
(for-each (lambda (k) (hash-table-set! by-key k 'again)) held)
(check 'weak-keys-set-again
       (every (lambda (k) (eq? (hash-table-ref by-key k) 'again)) held) #t)
(define more (fill! by-key (lambda (t i thing) (hash-table-set! t thing i))))
(check 'weak-keys-grow (every (lambda (k) (eqv? (hash-table-ref by-key k) (car k))) more) #t)
(for-each (lambda (k) (hash-table-delete! by-key k)) held)
(check 'weak-keys-deleted (any (lambda (k) (hash-table-contains? by-key k)) held) #f)
(check 'weak-keys-still (every (lambda (k) (hash-table-contains? by-key k)) more) #t)
(set! more '())
(set! held '())
(scrub)
(gc)
(check 'weak-keys-empty (few? (hash-table-count by-key)) #t)

;; Held by the table: values of keys that live, and no others.
(define value-seen
  (let ((t (make-weak-key-hashtable)) (k (list 'key)))
    (hash-table-set! t k (make-vector 10 'value))
    (gc)
    (gc)
    (vector-ref (hash-table-ref t k) 9)))
(check 'value-of-live-key value-seen 'value)

(define by-value (make-weak-value-hashtable))
(define held (fill! by-value (lambda (t i thing) (hash-table-set! t i thing))))
(scrub)
(gc)
(check 'weak-values-held
       (every (lambda (v) (eq? (hash-table-ref by-value (car v)) v)) held) #t)
(check 'weak-values-gone (few? (- (hash-table-count by-value) (length held))) #t)
(check 'weak-values-absent
       (few? (length (filter (lambda (i) (hash-table-contains? by-value i))
                             (filter odd? (iota n)))))
       #t)
(define new (list 'new))
(for-each (lambda (i) (hash-table-set! by-value i new)) (iota n))
(set! held '())
(gc)
(check 'weak-values-replaced
       (list (hash-table-count by-value)
             (every (lambda (i) (eq? (hash-table-ref by-value i) new)) (iota n)))
       (list n #t))
(set! new #f)
(scrub)
(gc)
;; They go together, all of them: or the stack still has the one thing there is.
(check 'weak-values-one-gone (if (memv (hash-table-count by-value) (list 0 n)) #t #f) #t)

(define both (make-weak-hashtable))
(define keys (fill! both (lambda (t i thing) (hash-table-set! t thing (list i)))))
(scrub)
(gc)
(check 'weak-both-values-go (few? (hash-table-count both)) #t)
(define values-held (map (lambda (k) (list (car k))) keys))
(for-each (lambda (k v) (hash-table-set! both k v)) keys values-held)
(gc)
(check 'weak-both-held
       (every (lambda (k v) (eq? (hash-table-ref both k) v)) keys values-held) #t)

;; Numbers, symbols and characters do not die.
(define plain (make-weak-hashtable))
(for-each (lambda (k) (hash-table-set! plain k k)) '(1 2 #\a sym #t))
(gc)
(check 'weak-constants (map (lambda (k) (hash-table-ref plain k)) '(1 2 #\a sym #t)) '(1 2 #\a sym #t))
(hash-table-clear! plain)
(check 'weak-clear (list (hash-table-count plain) (hash-table-ref plain 1)) '(0 #f))
(check 'weak-table? (map hash-table? (list by-key by-value both)) '(#t #t #t))

;; A table is filled while collections go on, and never more than is alive.
(define flux (make-weak-key-hashtable))
(define kept '())
(do ((i 0 (+ i 1))) ((= i 30000))
  (let ((k (vector i)))
    (hash-table-set! flux k i)
    (if (= 0 (remainder i 100)) (set! kept (cons k kept)))))
(check 'flux (every (lambda (k) (eqv? (hash-table-ref flux k) (vector-ref k 0))) kept) #t)
(gc)
(check 'flux-gone (few? (- (hash-table-count flux) 300)) #t)

(define pairs
  (let loop ((i 0) (l '()) (h '()))
    (if (= i n)
        (cons l h)
        (let ((a (list i)) (d (list (- i))))
          (loop (+ i 1) (cons (weak-pair a d) l) (if (even? i) (cons a h) h))))))
(scrub)
(gc)
(check 'weak-pairs-held
       (every (lambda (a) (any (lambda (p) (eq? (weak-car p) a)) (car pairs)))
              (list-tail (cdr pairs) (- (length (cdr pairs)) 20)))
       #t)
(check 'weak-cars (few? (- (length (filter weak-car (car pairs))) (/ n 2))) #t)
(check 'weak-cdrs (few? (length (filter weak-cdr (car pairs)))) #t)
(check 'weak-pair-constants (let ((p (weak-pair 1 'two))) (gc) (list (weak-car p) (weak-cdr p))) '(1 two))
(check-error 'weak-car-of-other (lambda () (weak-car '(1 . 2))) "weak-car: expected a weak pair")
