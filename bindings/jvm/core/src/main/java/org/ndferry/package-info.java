/**
 * NumPy arrays in pure Java: {@link org.ndferry.NDArray} and {@link org.ndferry.Dtype}, the files that hold them
 * ({@link org.ndferry.Npy}, {@link org.ndferry.Npz}) and what is said when one cannot be read
 * ({@link org.ndferry.NdferryException}).
 */
package org.ndferry;
