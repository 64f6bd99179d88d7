//! Services, environments, deploys, targets, plans: the product in plain types, no I/O.
