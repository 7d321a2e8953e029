;;; deep.scm -- recursion that goes far deeper than any C stack would allow

(define (count n)
  (if (= n 0) 0 (+ 1 (count (- n 1)))))

(define (build n)
  (if (= n 0) '() (cons n (build (- n 1)))))

(define (sum list)
  (if (null? list) 0 (+ (car list) (sum (cdr list)))))

(define (ackermann m n)
  (cond ((= m 0) (+ n 1))
        ((= n 0) (ackermann (- m 1) 1))
        (else (ackermann (- m 1) (ackermann m (- n 1))))))

(define (even2? n) (if (= n 0) #t (odd2? (- n 1))))
(define (odd2? n) (if (= n 0) #f (even2? (- n 1))))

;; Non-tail mutual recursion with something live in every frame.
(define (zig n)
  (if (= n 0) '() (let ((v (vector n))) (cons v (zag (- n 1))))))
(define (zag n)
  (if (= n 0) '() (let* ((p (list n n)) (rest (zig (- n 1)))) (cons p rest))))

(define (escape-from n)
  (call/cc
   (lambda (k)
     (let down ((i n))
       (if (= i 0) (k 'escaped) (+ 1 (down (- i 1))))))))

(define (main)
  (print "count: " (count 1000000))
  (let ((l (build 300000)))
    (print "sum: " (sum l) " of " (length l)))
  (print "ackermann: " (ackermann 2 9) " " (ackermann 3 6))
  (print "tail calls: " (even2? 1000001))
  (print "zigzag: " (length (zig 200000)))
  (print "escape: " (escape-from 300000))
  (print "caught: "
         (catch (lambda ()
                  (let down ((i 200000))
                    (if (= i 0) (error "at the bottom") (+ 1 (down (- i 1))))))
                error-message))
  (do ((i 0 (+ i 1))) ((= i 5))
    (print "again: " (count (* 50000 (+ i 1))))))
(main)
