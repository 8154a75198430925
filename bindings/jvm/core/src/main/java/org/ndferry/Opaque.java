package org.ndferry;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * An object of Python that Java has no class for, as data: what would have been called, with what, and what would then have
 * been done with the outcome. Nothing of it was. {@link Pickle} writes it as it was read.
 */
public final class Opaque {
  final String kind;
  private final String module;
  private final String name;
  Object args;
  Object kwargs;
  Object state;
  boolean hasState;
  final List<Object> items = new ArrayList<>();
  final List<Map.Entry<Object, Object>> pairs = new ArrayList<>();

  /** {@code kind}: {@code call}, {@code new}, {@code global} or {@code persistent}. */
  Opaque(String kind, String module, String name) {
    this.kind = kind;
    this.module = module;
    this.name = name;
  }

  /**
   * The module of its class or function.
   *
   * @return as spelled in the pickle
   */
  public String module() {
    return module;
  }

  /**
   * The name of its class or function.
   *
   * @return as spelled in the pickle
   */
  public String name() {
    return name;
  }

  /**
   * What it would have been called with.
   *
   * @return a tuple; null of a class or function that was only named
   */
  public Object args() {
    return args;
  }

  /**
   * Keyword arguments.
   *
   * @return a map, or null
   */
  public Object kwargs() {
    return kwargs;
  }

  /**
   * Its state, mostly the attributes.
   *
   * @return a map, whatever else its class makes of it, or null
   */
  public Object state() {
    return state;
  }

  /**
   * What was appended or added.
   *
   * @return in order
   */
  public List<Object> items() {
    return items;
  }

  /**
   * What was set by key.
   *
   * @return in order
   */
  public List<Map.Entry<Object, Object>> pairs() {
    return pairs;
  }

  @Override
  public String toString() {
    return module + "." + name;
  }
}
