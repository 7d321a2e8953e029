;;; queens.scm -- placing n queens on a board, in two ways

;; Rows chosen so far, last column first; does a queen in `row' of the next
;; column get along with them?
(define (safe? row placed)
  (let loop ((placed placed) (distance 1))
    (cond ((null? placed) #t)
          ((= (car placed) row) #f)
          ((= (abs (- (car placed) row)) distance) #f)
          (else (loop (cdr placed) (+ distance 1))))))

;; All solutions, as lists: makes plenty of short-lived lists.
(define (solutions n)
  (let column ((k n))
    (if (= k 0)
        '(())
        (append-map
         (lambda (placed)
           (map (lambda (row) (cons row placed))
                (filter (lambda (row) (safe? row placed)) (iota n 1))))
         (column (- k 1))))))

;; Only the count, backtracking: makes next to nothing.
(define (count-solutions n)
  (let try ((column 0) (placed '()))
    (if (= column n)
        1
        (let next ((row 1) (sum 0))
          (if (> row n)
              sum
              (next (+ row 1)
                    (if (safe? row placed)
                        (+ sum (try (+ column 1) (cons row placed)))
                        sum)))))))

(define (show board)
  (for-each
   (lambda (row)
     (print (string-join
             (map (lambda (i) (if (= i row) "Q" "."))
                  (iota (length board) 1))
             " ")))
   board))

(define (main)
  (do ((n 1 (+ n 1))) ((> n 9))
    (let ((all (solutions n)))
      (print n " queens: " (length all) " solutions, first " 
             (if (null? all) "none" (car all)))
      (assert (= (length all) (count-solutions n)))))
  (print "10 queens: " (count-solutions 10))
  (show (car (solutions 8))))
(main)
