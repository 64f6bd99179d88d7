//! What ripcord does: read what is deployed, plan a rollback, ship it, undo it.
