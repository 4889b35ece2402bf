//! collect-aws
