;;; tables.scm -- hash tables whose keys move
;;;
;;; Address-keyed tables have to notice that the collector has moved their
;;; keys.  Keys are found again after any number of collections, also while
;;; entries come and go.  Nothing printed depends on the order of entries.

(define (make-keys n)
  (map (lambda (i) (list 'key i)) (iota n)))

(define (fill! table keys)
  (for-each (lambda (k) (hash-table-set! table k (* 10 (cadr k)))) keys))

(define (check table keys)
  (for-each (lambda (k)
              (if (not (eqv? (hash-table-ref table k) (* 10 (cadr k))))
                  (error "lost" k)))
            keys))

(define (churn n)                       ; garbage, so that collections happen
  (let loop ((i 0) (l '()))
    (if (< i n)
        (loop (+ i 1) (if (= 0 (modulo i 100)) '() (cons i l))))))

(define (sum-values table)
  (fold-left + 0 (hash-table-values table)))

;; 1. Survive moves.
(define (survival)
  (let ((table (make-eq-hashtable)) (keys (make-keys 5000)))
    (fill! table keys)
    (do ((i 0 (+ i 1))) ((= i 20))
      (churn 60000)
      (check table keys))
    (gc)
    (check table keys)
    (print "survival: " (hash-table-count table) " " (sum-values table))))

;; 2. An equal key is not the same key.
(define (identity)
  (let ((table (make-eq-hashtable)) (keys (make-keys 1000)))
    (fill! table keys)
    (print "identity: "
           (length (filter (lambda (k) (hash-table-contains? table k))
                           (make-keys 1000)))
           " "
           (length (filter (lambda (k) (hash-table-contains? table k)) keys)))))

;; 3. A window of keys moves on; the old ones are deleted.
(define (window)
  (let ((table (make-eq-hashtable)) (ring (make-vector 2000 #f)) (sum 0))
    (do ((i 0 (+ i 1))) ((= i 60000))
      (let ((slot (modulo i 2000)))
        (if (vector-ref ring slot)
            (begin
              (set! sum (+ sum (hash-table-ref table (vector-ref ring slot) -1)))
              (if (not (hash-table-delete! table (vector-ref ring slot)))
                  (error "not there" i))))
        (let ((key (vector i)))
          (vector-set! ring slot key)
          (hash-table-set! table key i))))
    (print "window: " (hash-table-count table) " " sum " "
           (sum-values table))))

;; 4. Keys created in one order, looked up in another, with values updated.
(define (updates)
  (let ((table (make-eq-hashtable)) (keys (list->vector (make-keys 3000))))
    (do ((i 0 (+ i 1))) ((= i 60000))
      (hash-table-update! table (vector-ref keys (modulo (* i 7919) 3000))
                          (lambda (n) (+ n 1)) 0)
      (if (= 0 (modulo i 50)) (make-vector 2000 i)))
    (print "updates: " (hash-table-count table) " " (sum-values table) " "
           (apply min (hash-table-values table)) " "
           (apply max (hash-table-values table)))))

;; 5. Tables in tables, keyed by procedures, symbols, strings, numbers.
(define (mixed)
  (let ((table (make-eq-hashtable))
        (keys (list 'a "a" #\a 1 1.5 car (lambda (x) x) (vector 1 2) '(1 2)
                    (make-eq-hashtable))))
    (for-each (lambda (k i) (hash-table-set! table k i)) keys (iota 10))
    (churn 300000)
    (print "mixed: " (map (lambda (k) (hash-table-ref table k 'lost)) keys)
           " " (hash-table-ref table "a" 'other)
           " " (hash-table-ref table 1.5 'other))))

;; 6. By content: strings and lists, and lists with procedures in them.
(define (content)
  (let ((table (make-hashtable)) (f (lambda () 1)) (g (lambda () 2)))
    (do ((i 0 (+ i 1))) ((= i 3000))
      (hash-table-set! table (number->string i) i)
      (hash-table-set! table (list i (vector i "x")) (- i)))
    (hash-table-set! table (list f 1) 'f1)
    (hash-table-set! table (list g 1) 'g1)
    (churn 300000)
    (print "content: " (hash-table-count table) " "
           (hash-table-ref table (string-append "12" "34")) " "
           (hash-table-ref table (list 77 (vector 77 "x"))) " "
           (hash-table-ref table (list f 1)) " "
           (hash-table-ref table (list g 1)) " "
           (hash-table-ref table (list f 2) 'none))))

;; 7. A graph walk with a table of visited nodes.
(define (graph)
  (let* ((n 4000)
         (nodes (list->vector (map (lambda (i) (vector i '())) (iota n))))
         (visited (make-eq-hashtable)))
    (do ((i 0 (+ i 1))) ((= i n))
      (vector-set! (vector-ref nodes i) 1
                   (map (lambda (k) (vector-ref nodes (modulo (+ (* i k) k) n)))
                        '(2 3 5))))
    (let walk ((node (vector-ref nodes 1)))
      (if (not (hash-table-contains? visited node))
          (begin
            (hash-table-set! visited node #t)
            (for-each walk (vector-ref node 1)))))
    (print "graph: " (hash-table-count visited) " "
           (fold-left (lambda (sum node) (+ sum (vector-ref node 0)))
                      0 (hash-table-keys visited)))))

(survival)
(identity)
(window)
(updates)
(mixed)
(content)
(graph)
