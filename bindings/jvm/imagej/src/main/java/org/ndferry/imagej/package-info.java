/** NumPy arrays as ImageJ's images: {@link org.ndferry.imagej.Images} and the plugins that open and save them. */
package org.ndferry.imagej;
