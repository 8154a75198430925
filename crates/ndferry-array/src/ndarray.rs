//! To and from the `ndarray` crate (feature `ndarray`).

use ndarray::{ArrayD, ArrayViewD, IxDyn, ShapeBuilder};

use crate::{Array, ArrayView, Element, Error, Order};

impl<'a> ArrayView<'a> {
    /// A copy as an [`ArrayD`] in C order, byte order converted.
    ///
    /// # Errors
    /// [`Error::DtypeMismatch`] if the dtype is not `T`'s.
    pub fn to_ndarray<T: Element>(&self) -> Result<ArrayD<T>, Error> {
        let elements = self.to_elements::<T>()?;
        // `to_elements` gives exactly one element per index.
        ArrayD::from_shape_vec(IxDyn(self.shape()), elements).map_err(|_| Error::ShapeMismatch {
            left: self.shape().to_vec(),
            right: vec![self.size()],
        })
    }

    /// The same elements as an [`ArrayViewD`] without a copy, if they are contiguous (C or F), native and aligned.
    pub fn as_ndarray<T: Element + bytemuck::Pod>(&self) -> Option<ArrayViewD<'a, T>> {
        match self.order()? {
            Order::C => ArrayViewD::from_shape(IxDyn(self.shape()), self.as_elements()?).ok(),
            Order::F => {
                let elements = self.reversed().as_elements()?;
                ArrayViewD::from_shape(IxDyn(self.shape()).f(), elements).ok()
            }
        }
    }
}

impl<T: Element> From<&ArrayD<T>> for Array {
    /// A copy in C order.
    fn from(array: &ArrayD<T>) -> Self {
        let mut bytes = Vec::with_capacity(array.len() * size_of::<T>());
        array.iter().for_each(|element| element.write(&mut bytes));
        // An existing ndarray has a shape that fits memory and one element per index.
        Self::contiguous(T::dtype(), array.shape(), Order::C, bytes)
            .expect("an ndarray fits memory")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ndarrays_come_and_go_with_their_order() {
        let a = Array::from_elements(&[2, 3], &[1f32, 2., 3., 4., 5., 6.]).unwrap();
        let copied = a.view().to_ndarray::<f32>().unwrap();
        assert_eq!(copied[[1, 0]], 4.);
        let view = a.reversed();
        let view = view.view();
        assert_eq!(view.as_ndarray::<f32>().map(|v| v[[0, 1]]), Some(4.));
        assert_eq!(
            Array::from(&copied).to_elements::<f32>().unwrap(),
            a.to_elements::<f32>().unwrap()
        );
    }
}
