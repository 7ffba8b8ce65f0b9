//! What the process owes to whoever started it: a service manager that waits until it is ready, a shell that wants it in the
//! background, a script that looks for its number in a file.

pub mod background;
pub mod pid_file;
pub mod supervisor;
