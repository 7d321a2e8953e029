;;; strings.scm -- making and dropping strings of all sizes

(define words '("the" "quick" "brown" "fox" "jumps" "over" "the" "lazy" "dog"))

(define (repeat s n)
  (if (= n 0) "" (string-append s (repeat s (- n 1)))))

(define (hash s)
  (let ((n (string-length s)))
    (let loop ((i 0) (h 7))
      (if (= i n)
          h
          (loop (+ i 1)
                (modulo (+ (* h 31) (char->integer (string-ref s i)))
                        1000003))))))

;; Grow one character at a time: quadratic garbage.
(define (slow-alphabet n)
  (let loop ((i 0) (s ""))
    (if (= i n)
        s
        (loop (+ i 1)
              (string-append s (string (integer->char (+ 97 (modulo i 26)))))))))

(define (caesar s k)
  (string-map
   (lambda (c)
     (if (char-alphabetic? c)
         (let ((base (if (char=? c (char-upcase c)) 65 97)))
           (integer->char (+ base (modulo (+ k (- (char->integer c) base)) 26))))
         c))
   s))

(define (palindrome? s) (string=? s (string-reverse s)))

(define (word-counts text)
  (let ((counts (make-string-hashtable)))
    (for-each (lambda (w) (hash-table-update! counts w (lambda (n) (+ n 1)) 0))
              (string-split text #\space))
    (sort (hash-table->alist counts)
          (lambda (a b) (string<? (car a) (car b))))))

(define (main)
  (let ((text (string-join words " ")))
    (print text)
    (print (caesar text 3))
    (print (caesar (caesar text 3) -3))
    (print (string-upcase text))
    (print (word-counts text))
    (print (word-counts (repeat "a rose is a rose is " 50))))
  (print "repeat: " (hash (repeat "abc" 300)))
  (let ((s (slow-alphabet 3000)))
    (print "alphabet: " (string-length s) " " (hash s)))
  ;; Bounded live data: a ring of strings, each replaced many times.
  (let ((ring (make-vector 256 "")))
    (do ((i 0 (+ i 1))) ((= i 60000))
      (let ((slot (modulo (* i 37) 256)))
        (vector-set! ring slot
                     (if (> (string-length (vector-ref ring slot)) 400)
                         (number->string i)
                         (string-append (vector-ref ring slot) ":"
                                        (number->string i))))))
    (print "ring: " (modulo (apply + (map hash (vector->list ring))) 1000003)))
  (print "palindromes: "
         (length (filter (lambda (n) (palindrome? (number->string n)))
                         (iota 10000))))
  (let ((port (open-output-string)))
    (do ((i 0 (+ i 1))) ((= i 5000))
      (write i port)
      (write-char #\, port))
    (let ((s (get-output-string port)))
      (print "port: " (string-length s) " " (hash s))))
  (print "symbols: "
         (length (filter (lambda (n)
                           (eq? (string->symbol (string-append "sym" (number->string n)))
                                (symbol-append 'sym (string->symbol (number->string n)))))
                         (iota 500))))
  (print "big: " (hash (make-string 100000 #\z))))
(main)
