;;; t-barrier.scm -- reading and writing while the collector is at work
;;;
;;; The collector learns of what the program does to old objects, and keeps the
;;; program from seeing objects it has not got to yet, by protecting memory.
;;; These tests fail when such a protection is missing; that has been tried.

(define (churn n)
  (let loop ((i 0) (l '()))
    (if (< i n)
        (loop (+ i 1) (if (= 0 (remainder i 64)) '() (cons i l))))))

;; Old objects that were at rest for some collections come to hold the only
;; references to new ones, which then have to survive.
(define olds (map (lambda (i) (make-vector 600 0)) (iota 100)))
(define (place round i) (modulo (* 7 (+ i round)) 600))
(define (item round i) (list round i (number->string i)))
(define (store! round)
  (for-each (lambda (v i) (vector-set! v (place round i) (item round i)))
            olds (iota 100)))
(define (stored? round)
  (every (lambda (v i) (equal? (vector-ref v (place round i)) (item round i)))
         olds (iota 100)))

(check 'write-barrier
       (let loop ((round 0))
         (if (= round 6)
             'good
             (begin
               (if (even? round) (gc))
               (churn 400000)
               (store! round)
               (churn 800000)
               (if (stored? round) (loop (+ round 1)) (list 'lost-in round)))))
       'good)

;; The same cells are reached by two ways.  While a collection is under way
;; they are changed by one way; by the other the change must be seen, at once
;; and later.
(define size 20000)
(define cells (let ((v (make-vector size #f)))
                (do ((i 0 (+ i 1))) ((= i size) v)
                  (vector-set! v i (list (list i))))))
(define mirror (let ((v (make-vector size #f)))
                 (do ((i 0 (+ i 1))) ((= i size) v)
                   (vector-set! v i (vector-ref cells (- size i 1))))))
(define (cell i) (car (vector-ref cells i)))
(define (mirrored i) (car (vector-ref mirror (- size i 1))))
(define (change! round)
  (do ((i (modulo round 3) (+ i 3))) ((>= i size))
    (set-car! (cell i) (+ round i))))
(define (wrong round)
  (let loop ((i (modulo round 3)) (n 0))
    (if (>= i size)
        n
        (loop (+ i 3)
              (if (and (eq? (cell i) (mirrored i))
                       (= (car (mirrored i)) (+ round i)))
                  n
                  (+ n 1))))))

(check 'read-barrier
       (let loop ((round 0) (n 0))
         (if (= round 12)
             n
             (begin
               (gc-start)
               (change! round)
               (let ((now (wrong round)))
                 (churn 100000)
                 (if (= 0 (modulo round 4)) (gc))
                 (loop (+ round 1) (+ n now (wrong round)))))))
       0)

;; The same with objects that are allocated while the collection goes on.
(check 'allocate-during-collection
       (let ((v (make-vector 3000 '())))
         (let loop ((round 0))
           (if (= round 10)
               (apply + (map length (vector->list v)))
               (begin
                 (gc-start)
                 (do ((i 0 (+ i 1))) ((= i 3000))
                   (vector-set! v i (cons (list i round) (vector-ref v i))))
                 (loop (+ round 1))))))
       30000)
