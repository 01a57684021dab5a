//! Everything a request handler works with: one value, shared.

/// The application.
pub struct App {
    pub registry: crate::registry::Registry,
    pub throttle: crate::client_auth::Throttle,
}

/// What the router hands to every handler.
pub type State = std::sync::Arc<App>;
