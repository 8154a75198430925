//! Objects of classes that are not known: `ndferry.Opaque`.

use pyo3::sync::PyOnceLock;

use super::*;

impl<'py, 't> Builder<'py, 't> {
    /// `Opaque(module, name, args)`.
    pub(super) fn opaque(
        &self,
        module: &str,
        name: &str,
        args: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let class = CLASS.get_or_try_init(self.py, || -> PyResult<_> {
            let module = PyModule::import(self.py, "ndferry._opaque")?;
            Ok(module.getattr("Opaque")?.unbind())
        })?;
        class.bind(self.py).call1((module, name, args))
    }

    /// Whatever was called, for callers who want to see such things.
    pub(super) fn plan_opaque(&mut self, id: Id, call: &'t Call) -> PyResult<Plan<'py>> {
        if !self.options.opaque {
            let what = match self.tree.call(id) {
                Some((_, (module, name), _)) => format!("{module}.{name} in this form"),
                None => "a call of something that is no class".to_owned(),
            };
            let message = format!("{what} is not understood; allow=\"opaque\" shows it as data");
            return Err(ours(
                self.py,
                "UnsupportedError",
                &message,
                Some(call.offset),
            ));
        }
        let (module, name) = self.class_of(call).unwrap_or(("", "call"));
        let object = self.opaque(module, name, self.py.None().into_bound(self.py))?;
        Ok(Plan::Fill(object, Fill::Opaque))
    }

    /// The class of an object; that which `copyreg._reconstructor` makes, rather than that function.
    fn class_of(&self, call: &Call) -> Option<(&'t str, &'t str)> {
        let (module, name) = self.tree.global(call.function)?;
        if is_reconstructor(module, name) {
            let args = self.tree.sequence(call.args)?;
            if let Some(class) = args.first().and_then(|class| self.tree.global(*class)) {
                return Some(class);
            }
        }
        Some((module, name))
    }

    pub(super) fn fill_opaque(
        &mut self,
        object: &Bound<'py, PyAny>,
        call: &'t Call,
    ) -> PyResult<()> {
        let args = self.make(call.args)?;
        match self.tree.global(call.function) {
            Some((module, name)) if is_reconstructor(module, name) => {
                // Class, base and what the base is made of.
                let args = match self.tree.sequence(call.args) {
                    Some([_, _, of]) if !matches!(self.tree.get(*of), Value::None) => {
                        PyTuple::new(self.py, [self.make(*of)?])?
                    }
                    _ => PyTuple::empty(self.py),
                };
                object.setattr("args", args)?;
            }
            Some(_) => object.setattr("args", args)?,
            None => object.setattr("args", (self.make(call.function)?, args))?,
        }
        if let Some(kwargs) = call.kwargs() {
            object.setattr("kwargs", self.make(kwargs)?)?;
        }
        if let Some(state) = call.state() {
            object.setattr("state", self.make(state)?)?;
        }
        let items = PyList::empty(self.py);
        for item in call.items() {
            items.append(self.make(*item)?)?;
        }
        object.setattr("items", items)?;
        let pairs = PyList::empty(self.py);
        for (key, value) in call.pairs() {
            pairs.append((self.make(*key)?, self.make(*value)?))?;
        }
        object.setattr("pairs", pairs)
    }
}

pub(super) fn is_reconstructor(module: &str, name: &str) -> bool {
    matches!((module, name), ("copyreg" | "copy_reg", "_reconstructor"))
}
