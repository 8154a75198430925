package org.ndferry;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/** Gives the values of a pickle to a {@link PickleBuilder}, each once, however often it is referred to. */
final class PickleWalk {
  private static final int MAX_DEPTH = 400;
  private static final Object BEGUN = new Object();

  private final PickleBuilder builder;
  private final long end;
  private final Map<Object, Object> made = new IdentityHashMap<>();

  PickleWalk(PickleBuilder builder, long end) {
    this.builder = builder;
    this.end = end;
  }

  Object value(Object value, int depth) throws NdferryException {
    if (value == PickleMachine.NONE) {
      return builder.none();
    }
    if (value instanceof Boolean) {
      return builder.bool((Boolean) value);
    }
    if (value instanceof Long) {
      return builder.integer(BigInteger.valueOf((Long) value));
    }
    if (value instanceof BigInteger) {
      return builder.integer((BigInteger) value);
    }
    if (value instanceof Double) {
      return builder.real((Double) value);
    }
    if (depth > MAX_DEPTH) {
      throw NdferryException.limit(end, "values nested more than " + MAX_DEPTH + " deep");
    }
    Object known = made.get(value);
    if (known == BEGUN) {
      throw NdferryException.unsupported(end, "a tuple or a call that contains itself");
    }
    if (known == null) {
      made.put(value, BEGUN);
      known = make(value, depth + 1);
    }
    return known;
  }

  private Object keep(Object value, Object object) {
    made.put(value, object);
    return object;
  }

  private List<Object> all(List<Object> values, int depth) throws NdferryException {
    List<Object> out = new ArrayList<>();
    for (Object value : values) {
      out.add(value(value, depth));
    }
    return out;
  }

  private Object make(Object value, int depth) throws NdferryException {
    if (value instanceof String) {
      return keep(value, builder.text((String) value));
    }
    if (value instanceof ByteBuffer) {
      return keep(value, builder.bytes(((ByteBuffer) value).duplicate()));
    }
    if (value instanceof PickleMachine.Raw) {
      return keep(value, builder.oldText(((PickleMachine.Raw) value).bytes));
    }
    if (value instanceof PickleMachine.Tuple) {
      List<Object> items = all(((PickleMachine.Tuple) value).items, depth);
      boolean frozen = ((PickleMachine.Tuple) value).isFrozenSet;
      return keep(value, frozen ? builder.set(items, true) : builder.tuple(items));
    }
    if (value instanceof PickleMachine.Items) {
      return keep(value, builder.set(all((PickleMachine.Items) value, depth), false));
    }
    if (value instanceof List) {
      Object list = keep(value, builder.list());
      for (Object item : (List<?>) value) {
        builder.append(list, value(item, depth));
      }
      return list;
    }
    if (value instanceof PickleMachine.Dict) {
      Object dict = keep(value, builder.dict());
      pairs(dict, (PickleMachine.Dict) value, depth);
      return dict;
    }
    if (value instanceof PickleNumpy.Array) {
      PickleNumpy.Array array = (PickleNumpy.Array) value;
      if (array.objects != null) {
        Object objects = keep(value, builder.objects(array.shape, end));
        for (Object item : array.objects) {
          builder.append(objects, value(item, depth));
        }
        return objects;
      }
      NDArray elements = array.array(end);
      return keep(
          value, array.typecode == 0 ? builder.array(elements) : builder.arrayArray(array.typecode, elements));
    }
    if (value instanceof PickleNumpy.Scalar) {
      return keep(value, builder.scalar(((PickleNumpy.Scalar) value).value));
    }
    if (value instanceof PickleNumpy.Type) {
      return keep(value, builder.dtype(((PickleNumpy.Type) value).dtype));
    }
    if (value instanceof PickleMachine.Global) {
      PickleMachine.Global global = (PickleMachine.Global) value;
      return keep(value, builder.name(global.module, global.name, global.at));
    }
    return instance((PickleMachine.Instance) value, depth);
  }

  private void pairs(Object dict, PickleMachine.Dict pairs, int depth) throws NdferryException {
    for (int i = 0; i < pairs.keys.size(); i++) {
      builder.put(dict, value(pairs.keys.get(i), depth), value(pairs.values.get(i), depth));
    }
  }

  private Object instance(PickleMachine.Instance call, int depth) throws NdferryException {
    Object callable = value(call.callable, depth);
    List<Object> arguments = all(call.arguments, depth);
    Object object = keep(call, builder.call(callable, arguments, call.create, call.at));
    for (Object item : call.items) {
      builder.append(object, value(item, depth));
    }
    pairs(object, call.pairs, depth);
    if (call.state != null) {
      builder.state(object, value(call.state, depth), call.at);
    }
    return object;
  }
}
