//! Kubernetes files as text with meaning: find versions, edit them without touching other bytes.
