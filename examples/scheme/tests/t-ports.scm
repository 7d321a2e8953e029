;;; t-ports.scm -- files that are written to, and closed by the collector

(define dir (getenv "SCHEME_TEST_DIR"))
(define (file-name i) (string-append dir "/port-" (number->string i)))
(define (contents name)
  (let ((p (open-input-file name)))
    (let loop ((c (read-char p)) (l '()))
      (if (eof-object? c)
          (list->string (reverse l))
          (loop (read-char p) (cons c l))))))
(define (scrub) (let down ((n 3000)) (if (= n 0) 0 (+ 1 (down (- n 1))))))

(check 'no-files (open-file-ports) 0)
(define p (open-output-file (file-name 0)))
(display "hello, " p)
(write "world" p)
(newline p)
(check 'open-file (open-file-ports) 1)
(gc)
(gc)
(check 'stays-open (open-file-ports) 1)
(write-char #\! p)
(close-port p)
(close-port p)
(check 'closed (open-file-ports) 0)
(check 'contents (contents (file-name 0)) "hello, \"world\"\n!")
(check-error 'write-to-closed (lambda () (display 1 p)) "port is closed")
(check-error 'cannot-open (lambda () (open-output-file "/nowhere/at/all")) "cannot open file")

;; Ports that are dropped are closed, and what was written is there.  A few
;; may stay open: the C stack is scanned conservatively.
(define (drop i)
  (display (list 'port i) (open-output-file (file-name i))))
(for-each drop (iota 20 1))
(scrub)
(gc)
(gc)
(check 'dropped (<= (open-file-ports) 3) #t)
(check 'dropped-contents
       (>= (length (filter (lambda (i)
                             (string=? (contents (file-name i))
                                       (call-with-output-string
                                         (lambda (p) (display (list 'port i) p)))))
                           (iota 20 1)))
           17)
       #t)

;; More ports than there can be files: opening one finds those dropped.
(define kept (open-output-file (file-name 0)))
(display "kept" kept)
(for-each drop (iota 300 1))
(check 'many (<= 1 (open-file-ports) 32) #t)
(display " to the end" kept)
(close-port kept)
(check 'kept (contents (file-name 0)) "kept to the end")

;; Nothing helps if they are held.
(check-error 'too-many
             (lambda () (let loop ((i 0) (l '())) (if (< i 40) (loop (+ i 1) (cons (open-output-file (file-name i)) l)) (length l))))
             "too many open files")
(scrub)
(gc)
(gc)
(check 'after-too-many (<= (open-file-ports) 4) #t)
