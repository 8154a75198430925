package org.ndferry;

import java.util.AbstractList;
import java.util.RandomAccess;

/** A tuple of Python: a list that cannot be changed, and that {@link Pickle} writes as a tuple. */
public final class PyTuple extends AbstractList<Object> implements RandomAccess {
  private final Object[] items;

  /**
   * A tuple.
   *
   * @param items what is in it
   */
  public PyTuple(Object... items) {
    this(items.clone(), true);
  }

  private PyTuple(Object[] items, boolean own) {
    this.items = items;
  }

  /** One whose items come later. */
  static PyTuple unfinished(Object[] items) {
    return new PyTuple(items, true);
  }

  @Override
  public Object get(int index) {
    return items[index];
  }

  @Override
  public int size() {
    return items.length;
  }
}
