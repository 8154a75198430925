package org.ndferry;

import java.util.AbstractSet;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Set;

/** A frozenset of Python: a set that cannot be changed, and that {@link Pickle} writes as a frozenset. */
public final class PyFrozenSet extends AbstractSet<Object> {
  private final Set<Object> items;

  /**
   * A frozenset.
   *
   * @param items what is in it
   */
  public PyFrozenSet(Collection<?> items) {
    this(new LinkedHashSet<>(items), true);
  }

  private PyFrozenSet(Set<Object> items, boolean own) {
    this.items = items;
  }

  /** One that shares its items, which come later. */
  static PyFrozenSet unfinished(Set<Object> items) {
    return new PyFrozenSet(items, true);
  }

  @Override
  public boolean contains(Object item) {
    return items.contains(item);
  }

  @Override
  public Iterator<Object> iterator() {
    Iterator<Object> inner = items.iterator();
    return new Iterator<Object>() {
      @Override
      public boolean hasNext() {
        return inner.hasNext();
      }

      @Override
      public Object next() {
        return inner.next();
      }
    };
  }

  @Override
  public int size() {
    return items.size();
  }
}
