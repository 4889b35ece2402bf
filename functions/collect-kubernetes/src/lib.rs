//! collect-kubernetes
