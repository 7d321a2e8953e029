;;; garbage.scm -- a long run: gigabytes of garbage, bounded live data
;;;
;;; Lists, vectors, strings, floating-point numbers and closures are made and
;;; dropped in turn while a binary tree, a table and a queue live on and keep
;;; being changed -- old objects that point to young ones.

;; Complete binary trees, made and measured over and over.
(define (make-tree depth)
  (if (= depth 0) '() (cons (make-tree (- depth 1)) (make-tree (- depth 1)))))
(define (tree-size tree)
  (if (null? tree) 0 (+ 1 (tree-size (car tree)) (tree-size (cdr tree)))))

;; A queue of bounded length whose tail is always an old object.
(define (make-queue) (let ((p (list #f))) (cons p p)))
(define (queue-add! q x)
  (let ((p (list x)))
    (set-cdr! (cdr q) p)
    (set-cdr! q p)))
(define (queue-take! q)
  (let ((x (cadr (car q))))
    (set-car! q (cdr (car q)))
    x))

(define (compose . fs)
  (if (null? fs)
      (lambda (x) x)
      (let ((rest (apply compose (cdr fs))))
        (lambda (x) ((car fs) (rest x))))))

(define long-lived (make-tree 14))

(define (round-of-garbage i table queue)
  (let ((lists (map (lambda (x) (* x x)) (iota 500)))
        (tree (make-tree 10))
        (vec (make-vector 200 i))
        (text (string-append "round " (number->string i)))
        (mean (/ (fold-left + 0.0 (iota 300)) 300.0))
        (f (compose (lambda (x) (+ x 1)) (lambda (x) (* x 2)) (lambda (x) (- x i)))))
    ;; The last hundred rounds stay in the queue and in the table.
    (let ((entry (vector i text (list->vector lists))))
      (hash-table-set! table entry text)
      (queue-add! queue entry))
    (let ((old (queue-take! queue)))
      (if old
          (begin
            (if (not (eq? (hash-table-ref table old) (vector-ref old 1)))
                (error "lost" i))
            (hash-table-delete! table old))))
    (+ (length lists) (tree-size tree) (vector-length vec)
       (string-length text) (f i) (exact (floor mean)))))

(define (main rounds)
  (let ((table (make-eq-hashtable)) (queue (make-queue)))
    (do ((i 0 (+ i 1))) ((= i 100)) (queue-add! queue #f))
    (let loop ((i 1) (sum 0))
      (if (= 0 (modulo i (quotient rounds 10)))
          (print "round " i ": " sum ", live tree " (tree-size long-lived)))
      (if (< i rounds)
          (loop (+ i 1) (modulo (+ sum (round-of-garbage i table queue)) 1000000007))
          (print "done: " sum ", " (hash-table-count table) " in the table")))))
(main 30000)
