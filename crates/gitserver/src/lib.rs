//! A smart-HTTP Git server on loopback, over git http-backend: for the demo and for tests.
