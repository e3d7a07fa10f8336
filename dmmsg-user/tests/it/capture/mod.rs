//! Captures: what is written is what is read, whatever happens to the file.

mod codec;
mod damage;
mod document;
mod file;
mod pipe;
mod refuse;
mod replay;
mod rotate;
mod run;
