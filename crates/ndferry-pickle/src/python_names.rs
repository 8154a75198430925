//! Names that Python 2 and Python 3 spell differently (`Lib/_compat_pickle.py` of Python 3.13).
//!
//! Python 3 reads and writes protocols 0 to 2 with the names of Python 2, later ones with its own.

/// Both languages know the name of the other.
const MODULES: &[(&str, &str)] = &[
    ("__builtin__", "builtins"),
    ("copy_reg", "copyreg"),
    ("Queue", "queue"),
    ("SocketServer", "socketserver"),
    ("ConfigParser", "configparser"),
    ("repr", "reprlib"),
    ("tkFileDialog", "tkinter.filedialog"),
    ("tkSimpleDialog", "tkinter.simpledialog"),
    ("tkColorChooser", "tkinter.colorchooser"),
    ("tkCommonDialog", "tkinter.commondialog"),
    ("Dialog", "tkinter.dialog"),
    ("Tkdnd", "tkinter.dnd"),
    ("tkFont", "tkinter.font"),
    ("tkMessageBox", "tkinter.messagebox"),
    ("ScrolledText", "tkinter.scrolledtext"),
    ("Tkconstants", "tkinter.constants"),
    ("ttk", "tkinter.ttk"),
    ("Tkinter", "tkinter"),
    ("markupbase", "_markupbase"),
    ("_winreg", "winreg"),
    ("thread", "_thread"),
    ("dummy_thread", "_dummy_thread"),
    ("dbhash", "dbm.bsd"),
    ("dumbdbm", "dbm.dumb"),
    ("dbm", "dbm.ndbm"),
    ("gdbm", "dbm.gnu"),
    ("xmlrpclib", "xmlrpc.client"),
    ("SimpleXMLRPCServer", "xmlrpc.server"),
    ("httplib", "http.client"),
    ("htmlentitydefs", "html.entities"),
    ("HTMLParser", "html.parser"),
    ("Cookie", "http.cookies"),
    ("cookielib", "http.cookiejar"),
    ("BaseHTTPServer", "http.server"),
    ("test.test_support", "test.support"),
    ("commands", "subprocess"),
    ("urlparse", "urllib.parse"),
    ("robotparser", "urllib.robotparser"),
    ("urllib2", "urllib.request"),
    ("anydbm", "dbm"),
    ("_abcoll", "collections.abc"),
];

/// Python 2's, which became part of another.
const OLD_MODULES: &[(&str, &str)] = &[
    ("cPickle", "pickle"),
    ("_elementtree", "xml.etree.ElementTree"),
    ("FileDialog", "tkinter.filedialog"),
    ("SimpleDialog", "tkinter.simpledialog"),
    ("DocXMLRPCServer", "xmlrpc.server"),
    ("SimpleHTTPServer", "http.server"),
    ("CGIHTTPServer", "http.server"),
    ("UserDict", "collections"),
    ("UserList", "collections"),
    ("UserString", "collections"),
    ("whichdb", "dbm"),
    ("StringIO", "io"),
    ("cStringIO", "io"),
];

/// Python 3's (second), which Python 2 lacks.
const NEW_MODULES: &[(&str, &str)] = &[
    ("bz2", "_bz2"),
    ("dbm", "_dbm"),
    ("functools", "_functools"),
    ("gdbm", "_gdbm"),
    ("pickle", "_pickle"),
];

/// A module and a name in it.
type Name = (&'static str, &'static str);

const NAMES: &[(Name, Name)] = &[
    (("__builtin__", "xrange"), ("builtins", "range")),
    (("__builtin__", "reduce"), ("functools", "reduce")),
    (("__builtin__", "intern"), ("sys", "intern")),
    (("__builtin__", "unichr"), ("builtins", "chr")),
    (("__builtin__", "unicode"), ("builtins", "str")),
    (("__builtin__", "long"), ("builtins", "int")),
    (("itertools", "izip"), ("builtins", "zip")),
    (("itertools", "imap"), ("builtins", "map")),
    (("itertools", "ifilter"), ("builtins", "filter")),
    (("itertools", "ifilterfalse"), ("itertools", "filterfalse")),
    (("itertools", "izip_longest"), ("itertools", "zip_longest")),
    (
        ("UserDict", "IterableUserDict"),
        ("collections", "UserDict"),
    ),
    (("UserList", "UserList"), ("collections", "UserList")),
    (("UserString", "UserString"), ("collections", "UserString")),
    (("whichdb", "whichdb"), ("dbm", "whichdb")),
    (("_socket", "fromfd"), ("socket", "fromfd")),
    (
        ("_multiprocessing", "Connection"),
        ("multiprocessing.connection", "Connection"),
    ),
    (
        ("multiprocessing.process", "Process"),
        ("multiprocessing.context", "Process"),
    ),
    (
        ("multiprocessing.forking", "Popen"),
        ("multiprocessing.popen_fork", "Popen"),
    ),
    (
        ("urllib", "ContentTooShortError"),
        ("urllib.error", "ContentTooShortError"),
    ),
    (("urllib", "getproxies"), ("urllib.request", "getproxies")),
    (
        ("urllib", "pathname2url"),
        ("urllib.request", "pathname2url"),
    ),
    (("urllib", "quote_plus"), ("urllib.parse", "quote_plus")),
    (("urllib", "quote"), ("urllib.parse", "quote")),
    (("urllib", "unquote_plus"), ("urllib.parse", "unquote_plus")),
    (("urllib", "unquote"), ("urllib.parse", "unquote")),
    (
        ("urllib", "url2pathname"),
        ("urllib.request", "url2pathname"),
    ),
    (("urllib", "urlcleanup"), ("urllib.request", "urlcleanup")),
    (("urllib", "urlencode"), ("urllib.parse", "urlencode")),
    (("urllib", "urlopen"), ("urllib.request", "urlopen")),
    (("urllib", "urlretrieve"), ("urllib.request", "urlretrieve")),
    (("urllib2", "HTTPError"), ("urllib.error", "HTTPError")),
    (("urllib2", "URLError"), ("urllib.error", "URLError")),
    (
        ("multiprocessing", "AuthenticationError"),
        ("multiprocessing.context", "AuthenticationError"),
    ),
    (
        ("multiprocessing", "BufferTooShort"),
        ("multiprocessing.context", "BufferTooShort"),
    ),
    (
        ("multiprocessing", "ProcessError"),
        ("multiprocessing.context", "ProcessError"),
    ),
    (
        ("multiprocessing", "TimeoutError"),
        ("multiprocessing.context", "TimeoutError"),
    ),
];

const OLD_NAMES: &[(Name, Name)] = &[
    (("__builtin__", "basestring"), ("builtins", "str")),
    (("exceptions", "StandardError"), ("builtins", "Exception")),
    (("UserDict", "UserDict"), ("collections", "UserDict")),
    (("socket", "_socketobject"), ("socket", "SocketType")),
];

const NEW_NAMES: &[(Name, Name)] = &[
    (("__builtin__", "reduce"), ("_functools", "reduce")),
    (
        ("FileDialog", "FileDialog"),
        ("tkinter.filedialog", "FileDialog"),
    ),
    (
        ("FileDialog", "LoadFileDialog"),
        ("tkinter.filedialog", "LoadFileDialog"),
    ),
    (
        ("FileDialog", "SaveFileDialog"),
        ("tkinter.filedialog", "SaveFileDialog"),
    ),
    (
        ("SimpleDialog", "SimpleDialog"),
        ("tkinter.simpledialog", "SimpleDialog"),
    ),
    (
        ("DocXMLRPCServer", "ServerHTMLDoc"),
        ("xmlrpc.server", "ServerHTMLDoc"),
    ),
    (
        ("DocXMLRPCServer", "XMLRPCDocGenerator"),
        ("xmlrpc.server", "XMLRPCDocGenerator"),
    ),
    (
        ("DocXMLRPCServer", "DocXMLRPCRequestHandler"),
        ("xmlrpc.server", "DocXMLRPCRequestHandler"),
    ),
    (
        ("DocXMLRPCServer", "DocXMLRPCServer"),
        ("xmlrpc.server", "DocXMLRPCServer"),
    ),
    (
        ("DocXMLRPCServer", "DocCGIXMLRPCRequestHandler"),
        ("xmlrpc.server", "DocCGIXMLRPCRequestHandler"),
    ),
    (
        ("SimpleHTTPServer", "SimpleHTTPRequestHandler"),
        ("http.server", "SimpleHTTPRequestHandler"),
    ),
    (
        ("CGIHTTPServer", "CGIHTTPRequestHandler"),
        ("http.server", "CGIHTTPRequestHandler"),
    ),
    (("socket", "_socketobject"), ("_socket", "socket")),
];

/// In `exceptions` in Python 2, in `builtins` in Python 3.
const EXCEPTIONS: &[&str] = &[
    "ArithmeticError",
    "AssertionError",
    "AttributeError",
    "BaseException",
    "BufferError",
    "BytesWarning",
    "DeprecationWarning",
    "EOFError",
    "EnvironmentError",
    "Exception",
    "FloatingPointError",
    "FutureWarning",
    "GeneratorExit",
    "IOError",
    "ImportError",
    "ImportWarning",
    "IndentationError",
    "IndexError",
    "KeyError",
    "KeyboardInterrupt",
    "LookupError",
    "MemoryError",
    "NameError",
    "NotImplementedError",
    "OSError",
    "OverflowError",
    "PendingDeprecationWarning",
    "ReferenceError",
    "RuntimeError",
    "RuntimeWarning",
    "StopIteration",
    "SyntaxError",
    "SyntaxWarning",
    "SystemError",
    "SystemExit",
    "TabError",
    "TypeError",
    "UnboundLocalError",
    "UnicodeDecodeError",
    "UnicodeEncodeError",
    "UnicodeError",
    "UnicodeTranslateError",
    "UnicodeWarning",
    "UserWarning",
    "ValueError",
    "Warning",
    "ZeroDivisionError",
];

/// Exceptions of Python 3 alone are their ancestors in Python 2.
const NEW_EXCEPTIONS: &[(&str, &str)] = &[
    ("BrokenPipeError", "OSError"),
    ("ChildProcessError", "OSError"),
    ("ConnectionAbortedError", "OSError"),
    ("ConnectionError", "OSError"),
    ("ConnectionRefusedError", "OSError"),
    ("ConnectionResetError", "OSError"),
    ("FileExistsError", "OSError"),
    ("FileNotFoundError", "OSError"),
    ("InterruptedError", "OSError"),
    ("IsADirectoryError", "OSError"),
    ("NotADirectoryError", "OSError"),
    ("PermissionError", "OSError"),
    ("ProcessLookupError", "OSError"),
    ("TimeoutError", "OSError"),
    ("ModuleNotFoundError", "ImportError"),
];

/// What Python 3 makes of a name of Python 2.
pub(crate) fn to_python3<'n>(module: &'n str, name: &'n str) -> (&'n str, &'n str) {
    if module == "exceptions" && EXCEPTIONS.contains(&name) {
        return ("builtins", name);
    }
    let mut names = NAMES.iter().chain(OLD_NAMES);
    if let Some((_, new)) = names.find(|(old, _)| *old == (module, name)) {
        return *new;
    }
    let mut modules = MODULES.iter().chain(OLD_MODULES);
    match modules.find(|(old, _)| *old == module) {
        Some((_, new)) => (new, name),
        None => (module, name),
    }
}

/// What Python 3 writes for its names in protocols that Python 2 reads.
pub(crate) fn to_python2<'n>(module: &'n str, name: &'n str) -> (&'n str, &'n str) {
    if module == "builtins" {
        if EXCEPTIONS.contains(&name) {
            return ("exceptions", name);
        }
        if let Some((_, old)) = NEW_EXCEPTIONS.iter().find(|(new, _)| *new == name) {
            return ("exceptions", old);
        }
    }
    let mut names = NAMES.iter().chain(NEW_NAMES);
    if let Some((old, _)) = names.find(|(_, new)| *new == (module, name)) {
        return *old;
    }
    let mut modules = MODULES.iter().chain(NEW_MODULES);
    match modules.find(|(_, new)| *new == module) {
        Some((old, _)) => (old, name),
        None => (module, name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        for (old, new) in [
            (("__builtin__", "set"), ("builtins", "set")),
            (
                ("copy_reg", "_reconstructor"),
                ("copyreg", "_reconstructor"),
            ),
            (("__builtin__", "xrange"), ("builtins", "range")),
            (("exceptions", "KeyError"), ("builtins", "KeyError")),
            (("numpy", "ndarray"), ("numpy", "ndarray")),
        ] {
            assert_eq!(to_python3(old.0, old.1), new);
            assert_eq!(to_python2(new.0, new.1), old);
        }
        assert_eq!(
            to_python2("builtins", "TimeoutError"),
            ("exceptions", "OSError")
        );
        assert_eq!(to_python3("cPickle", "loads"), ("pickle", "loads"));
    }
}
