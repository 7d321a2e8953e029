;;; harness.scm -- loaded before the tests; report.scm comes after them

(define passed 0)
(define failed 0)

(define (check name actual expected)
  (if (equal? actual expected)
      (set! passed (+ passed 1))
      (begin
        (set! failed (+ failed 1))
        (display "FAILED ") (display name)
        (display ": got ") (write actual)
        (display ", expected ") (write expected)
        (newline))))

;; The thunk must raise something; an error is compared by its message.
(define (check-error name thunk expected)
  (check name
         (catch (lambda () (thunk) 'no-error)
                (lambda (e) (if (error? e) (error-message e) e)))
         expected))

;; Like check, for things to be evaluated from text.
(define (check-eval text expected)
  (check text (eval (read (open-input-string text))) expected))

(define (written x) (call-with-output-string (lambda (p) (write x p))))
(define (displayed x) (call-with-output-string (lambda (p) (display x p))))
