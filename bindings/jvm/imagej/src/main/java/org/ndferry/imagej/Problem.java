package org.ndferry.imagej;

import java.util.LinkedHashMap;
import java.util.Map;

/** Why a call cannot be answered as was wished; the codes are those of {@code docs/formats/imagej.md}. */
final class Problem extends Exception {
  private static final long serialVersionUID = 1;

  final String code;
  private final String dialog;

  Problem(String code, String message) {
    this(code, message, null);
  }

  /** A dialog is to blame, of this title. */
  Problem(String code, String message, String dialog) {
    super(message);
    this.code = code;
    this.dialog = dialog;
  }

  /** Any error as a problem. */
  static Problem of(Throwable error) {
    if (error instanceof Problem) {
      return (Problem) error;
    }
    String message = error.getMessage() == null ? error.getClass().getSimpleName() : error.getMessage();
    if (error instanceof OutOfMemoryError) {
      return new Problem("memory", "ImageJ has no memory for it: Edit > Options > Memory & Threads, or lazy=True");
    }
    if (error instanceof IllegalArgumentException) {
      return new Problem("usage", message);
    }
    return new Problem("imagej", error instanceof RuntimeException ? error.getClass().getSimpleName() + ": " + message : message);
  }

  Map<String, Object> json() {
    Map<String, Object> inner = new LinkedHashMap<>();
    inner.put("code", code);
    inner.put("message", getMessage());
    if (dialog != null) {
      inner.put("dialog", dialog);
    }
    Map<String, Object> outer = new LinkedHashMap<>();
    outer.put("error", inner);
    return outer;
  }
}
