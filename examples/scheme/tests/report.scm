;;; report.scm -- the last line, and the exit code

(print passed " passed, " failed " failed")
(exit (if (= failed 0) 0 1))
