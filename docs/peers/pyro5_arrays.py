"""Arrays through Pyro5, to copy from. Once both sides have imported this, arguments and results may be arrays, by serpent or msgpack;
`ndferry` reads them, and what it sends as bytes `array` makes an array again. Large ones are faster beside the answer: a method
returns `beside(its_array)`, and whoever calls it finds the array by `from_beside()`."""
import io
import numpy, serpent
from Pyro5.api import current_context, register_class_to_dict, register_dict_to_class

def npy(array):
    file = io.BytesIO()
    numpy.save(file, array, allow_pickle=False)
    return file.getvalue()

def array(data):  # bytes, or what serpent makes of them
    return numpy.load(io.BytesIO(bytes(serpent.tobytes(data))), allow_pickle=False)

def beside(array, name="NPYA"):  # raw, in an annotation of four letters
    current_context.response_annotations[name] = npy(array)

def from_beside(name="NPYA"):
    return array(bytes(current_context.response_annotations[name]))

register_class_to_dict(numpy.ndarray, lambda a: {"__class__": "numpy.ndarray", "npy": npy(a)})
register_dict_to_class("numpy.ndarray", lambda name, said: array(said["npy"]))
