//! Ropewalk's reactor (the tour follows).

pub mod address;
pub mod buffer;
pub mod disk;
pub mod endpoint;
pub mod engine;
pub mod poller;
pub mod transport {
    //! Stands here until the transport itself does.
    pub mod layer;
    #[cfg(feature = "tls")]
    pub mod tls;
    #[cfg(not(feature = "tls"))]
    #[path = "tls_absent.rs"]
    pub mod tls;
}

pub use address::Address;
