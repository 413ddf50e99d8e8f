//! Wires concrete backends together; the only file that names them.
