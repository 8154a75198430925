package org.ndferry;

import java.util.AbstractList;
import java.util.RandomAccess;

/** An array of Python objects (dtype {@code object}): its elements in C order, as a list, and a shape. */
public final class ObjectArray extends AbstractList<Object> implements RandomAccess {
  private final long[] shape;
  private final Object[] items;

  /**
   * An array of objects.
   *
   * @param items in C order
   * @param shape the extent of each axis; one axis if left out
   * @throws IllegalArgumentException if the shape has another number of elements
   */
  public ObjectArray(Object[] items, long... shape) {
    this.shape = shape.length == 0 ? new long[] {items.length} : shape.clone();
    this.items = items.clone();
    if (Shapes.size(this.shape) != items.length) {
      throw new IllegalArgumentException(
          items.length + " elements do not fill the shape " + Literal.tuple(this.shape));
    }
  }

  private ObjectArray(long[] shape, Object[] items) {
    this.shape = shape;
    this.items = items;
  }

  /** One whose elements come later. */
  static ObjectArray unfinished(long[] shape, Object[] items) {
    return new ObjectArray(shape, items);
  }

  /**
   * The extent of each axis.
   *
   * @return a copy
   */
  public long[] shape() {
    return shape.clone();
  }

  /**
   * One element.
   *
   * @param index one for each axis
   * @return what is there
   */
  public Object at(long... index) {
    if (index.length != shape.length) {
      throw new IllegalArgumentException(index.length + " indices for " + shape.length + " axes");
    }
    long place = 0;
    for (int axis = 0; axis < shape.length; axis++) {
      if (index[axis] < 0 || index[axis] >= shape[axis]) {
        throw new IndexOutOfBoundsException(
            "index " + index[axis] + " is out of bounds for axis " + axis + " with size " + shape[axis]);
      }
      place = place * shape[axis] + index[axis];
    }
    return items[(int) place];
  }

  @Override
  public Object get(int index) {
    return items[index];
  }

  @Override
  public Object set(int index, Object value) {
    Object before = items[index];
    items[index] = value;
    return before;
  }

  @Override
  public int size() {
    return items.length;
  }
}
