/** What the {@code numpy} for Jython does not do in Python: loops over elements. Called by its Python files alone. */
package org.ndferry.jython;
