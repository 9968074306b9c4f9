//! What stories share: real mail servers, PDF readers, spools.

pub mod cups;
pub mod dovecot;
pub mod exim;
pub mod gateway;
pub mod modems;
pub mod oauth;
pub mod past;
pub mod pdf;
pub mod post_office;
pub mod postfix;
pub mod postfix_master;
pub mod rtpengine;
pub mod sipp;
pub mod smtp;
pub mod t38;
pub mod urgent;
pub mod webhook;
