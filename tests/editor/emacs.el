;;; emacs.el --- azds in Emacs, with the configuration of docs/editors/emacs.md  -*- lexical-binding: t -*-

;; emacs --batch --load emacs.el CONFIGURATION FOLDER

(require 'eglot)
(require 'dape)
(require 'yaml-mode)

(defvar config (pop command-line-args-left))
(defvar folder (file-name-as-directory (pop command-line-args-left)))
(setq kill-buffer-query-functions nil
      ;; Its windows are for people.
      dape-start-hook nil
      dape-update-ui-hook nil)

(defun wait (what holds)
  "Wait until HOLDS gives something, and give that; WHAT is waited for."
  (let ((end (time-add nil 90)) found)
    (while (not (setq found (funcall holds)))
      (when (time-less-p end nil) (error "Waited 90 s for %s" what))
      (accept-process-output nil 0.05))
    (message "== %s" what)
    found))

(defun slips () (mapcar #'flymake-diagnostic-text (flymake-diagnostics)))

(defun change (from to)
  "Put TO in the place of FROM, and tell the server, which Emacs does when it is idle; in batch it never is."
  (goto-char (point-min))
  (search-forward from)
  (replace-match to t t)
  (eglot--signal-textDocument/didChange))

(load config nil t)

;; Checks.
(find-file (expand-file-name "azds.yaml" folder))
(yaml-mode)
(apply #'eglot (eglot--guess-contact))
(wait "the server" (lambda () (and (eglot-current-server) (eglot-managed-p))))
(change "dockerfile:" "dockerfle:")
(wait "the diagnostic" (lambda () (seq-find (lambda (text) (string-match "dockerfle" text)) (slips))))
(change "dockerfle:" "dockerfile:")
(wait "its end" (lambda () (null (slips))))
(set-buffer-modified-p nil)

;; A command.
(let (said)
  (cl-letf (((symbol-function 'message) (lambda (&rest given) (setq said (apply #'format given)))))
    (azds "doctor"))
  (unless (string-match "kubeconfig" said) (error "Doctor says %s" said)))
(eglot-shutdown (eglot-current-server))

;; A debug session.
(find-file (expand-file-name "app.py" folder))
(search-forward "BP1")
(let ((marked (line-number-at-pos)))
  (dape-breakpoint-toggle)
  (dape (dape--config-eval 'azds nil))
  (let* ((conn (wait "the stop" (lambda () (dape--live-connection 'stopped t))))
         (frame (wait "the frame" (lambda () (dape--current-stack-frame conn)))))
    (unless (equal (plist-get frame :line) marked)
      (error "It stopped at %S, and not in line %d" frame marked))
    (dape-continue conn)
    (wait "going on" (lambda () (not (dape--stopped-threads conn))))
    (dape-disconnect-quit (dape--live-connection 'parent))
    (wait "the end of the session" (lambda () (not (dape--live-connection 'parent t))))))
(message "all done")
(kill-emacs 0)
;;; emacs.el ends here
