/**
 * NumPy arrays in pure Java: {@link org.ndferry.NDArray} and {@link org.ndferry.Dtype}, the files that hold them
 * ({@link org.ndferry.Npy}, {@link org.ndferry.Npz}, {@link org.ndferry.Npb}, {@link org.ndferry.PickleReader}), the
 * {@link org.ndferry.Connection} that carries them, and what is said when one cannot be read ({@link
 * org.ndferry.NdferryException}).
 */
package org.ndferry;
