package org.ndferry.imagej;

import ij.IJ;
import ij.Macro;
import ij.Prefs;
import ij.gui.NonBlockingGenericDialog;
import ij.macro.Interpreter;
import ij.text.TextWindow;
import java.awt.EventQueue;
import java.awt.Frame;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicReference;

/** Macros that programs send: nothing of that runs unless the user of this ImageJ has allowed it. */
final class Macros {
  /** What the user wants: {@code ask} once a session, {@code always} or {@code never}. */
  private static final String KEY = "ndferry.macros";

  private static final String TITLE = "Macros From Python";
  private static final String[] CHOICES = {"in this session", "always", "not now", "never"};

  private static boolean allowed;
  private static boolean asking;

  private Macros() {}

  static synchronized String policy() {
    return allowed ? "allowed" : Prefs.get(KEY, "ask");
  }

  /** Sets what the user wants: {@code ask}, {@code session}, {@code always} or {@code never}. */
  static synchronized void set(String policy) {
    switch (policy) {
      case "ask":
      case "always":
      case "never":
        allowed = false;
        Prefs.set(KEY, policy);
        Prefs.savePreferences();
        break;
      case "session":
        allowed = true;
        break;
      default:
        throw new IllegalArgumentException(policy + ": ask, session, always or never");
    }
    Server.log("macros from programs: " + policy());
  }

  /** Asks the user, without keeping ImageJ from anything else; returns when it is answered. */
  static void ask() {
    NonBlockingGenericDialog dialog = new NonBlockingGenericDialog(TITLE);
    dialog.addMessage(
        "A program of yours on this machine wants to run macros in this ImageJ.\nMacros can do all that you can do: also"
            + " delete files.");
    dialog.addChoice("Allow them", CHOICES, CHOICES[0]);
    dialog.showDialog();
    if (dialog.wasCanceled()) {
      return;
    }
    String choice = dialog.getNextChoice();
    if (choice.equals(CHOICES[0])) {
      set("session");
    } else if (choice.equals(CHOICES[1]) || choice.equals(CHOICES[3])) {
      set(choice);
    }
  }

  /** Whether macros may run; asks the user if nobody has yet, once at a time. */
  private static void permit() throws Problem {
    String policy = policy();
    if (policy.equals("always") || policy.equals("allowed")) {
      return;
    }
    if (policy.equals("never")) {
      throw new Problem("macros-off", "this ImageJ runs no macros from Python: Plugins > ndferry > Allow Macros From Python...");
    }
    synchronized (Macros.class) {
      if (asking) {
        throw new Problem("dialog", "ImageJ asks its user whether macros may run", TITLE);
      }
      asking = true;
    }
    try {
      ask();
    } finally {
      synchronized (Macros.class) {
        asking = false;
      }
    }
    policy = policy();
    if (!policy.equals("always") && !policy.equals("allowed")) {
      throw new Problem("macros-off", "the user of this ImageJ has not allowed macros from Python");
    }
  }

  /** Runs one when those before it have ended, and gives what it returns. */
  static String run(Session session, String code, String argument) throws Exception {
    if (!policy().equals("always") && !policy().equals("allowed")) {
      try {
        session.work(
            () -> {
              permit();
              return null;
            });
      } catch (Problem problem) {
        boolean waiting = problem.json().toString().contains("code=timeout");
        throw waiting ? new Problem("dialog", "ImageJ asks its user whether macros may run", TITLE) : problem;
      }
    }
    Run run = new Run(code, argument);
    try {
      return session.work(Server.MACROS, run, run::giveUp);
    } catch (Problem problem) {
      boolean waited = problem.code.equals("timeout") && !run.begun;
      throw waited ? new Problem("timeout", "another macro runs in ImageJ: " + problem.getMessage()) : problem;
    }
  }

  /** One macro, which may be given up at any time. */
  private static final class Run implements Callable<String> {
    private final String code;
    private final String argument;
    private final Interpreter interpreter = new Interpreter();
    private volatile boolean begun;
    private volatile boolean ended;
    private volatile boolean gaveUp;

    Run(String code, String argument) {
      this.code = code;
      this.argument = argument;
    }

    @Override
    public String call() throws Problem {
      begun = true;
      try {
        if (gaveUp) {
          throw new Problem("macro", "the macro was given up");
        }
        return run(code, argument, interpreter);
      } finally {
        ended = true;
      }
    }

    /** Stops it, if it runs. */
    void giveUp() {
      gaveUp = true;
      if (!begun) {
        return;
      }
      Server.WORKERS.execute(
          () -> {
            // The interpreter forgets the first, if that comes before it has read the whole code.
            for (int i = 0; i < 2 && !ended; i++) {
              interpreter.abortMacro();
              IJ.wait(500);
            }
          });
    }
  }

  private static String run(String code, String argument, Interpreter interpreter) throws Problem {
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    IJ.setExceptionHandler(thrown::set);
    IJ.redirectErrorMessages(true);
    IJ.getErrorMessage(); // forgets an earlier one
    interpreter.setIgnoreErrors(true);
    Set<Frame> windows = new HashSet<>(Arrays.asList(Frame.getFrames()));
    String result;
    String said;
    try {
      result = interpreter.run(code, argument);
      said = IJ.getErrorMessage(); // before it is forgotten
    } catch (RuntimeException error) {
      boolean canceled = String.valueOf(error.getMessage()).contains(Macro.MACRO_CANCELED);
      String message = interpreter.getErrorMessage();
      if (message == null) {
        message = canceled ? "it was canceled" : error.toString();
      }
      throw failed(message, interpreter);
    } finally {
      IJ.setExceptionHandler(null);
      IJ.redirectErrorMessages(false);
    }
    String trace = thrown.get() == null ? exception(windows) : trace(thrown.get());
    if (trace != null) {
      throw new Problem("macro", "an exception in the macro: " + trace);
    }
    if (interpreter.wasError() || interpreter.getErrorMessage() != null) {
      throw failed(interpreter.getErrorMessage(), interpreter);
    }
    if (said != null && !said.isEmpty()) {
      throw new Problem("macro", "the macro ended with an error: " + said);
    }
    if ("[aborted]".equals(result)) {
      throw new Problem("macro", "the macro was stopped");
    }
    return result;
  }

  private static String trace(Throwable thrown) {
    StringWriter trace = new StringWriter();
    thrown.printStackTrace(new PrintWriter(trace));
    return trace.toString();
  }

  /** What ImageJ says of an exception in a plugin, in a window that it has opened since; closes it. */
  private static String exception(Set<Frame> before) {
    for (Frame frame : Frame.getFrames()) {
      boolean isNew = frame instanceof TextWindow && frame.isShowing() && !before.contains(frame);
      String title = isNew ? frame.getTitle() : "no";
      if (title.equals("Exception") || title.isEmpty()) {
        String text = ((TextWindow) frame).getTextPanel().getText();
        if (text.contains("Exception") || text.contains("Error")) {
          EventQueue.invokeLater(() -> ((TextWindow) frame).close(false));
          return text;
        }
      }
    }
    return null;
  }

  private static Problem failed(String message, Interpreter interpreter) {
    return new Problem("macro", "line " + interpreter.getLineNumber() + " of the macro: " + message);
  }
}
