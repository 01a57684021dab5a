//! The only code that knows SQL. A function is a statement: one that reads takes the database and answers; one that
//! writes gives back a [`Statement`](crate::db::Statement) for a batch, so that a change and its audit event are one
//! transaction.

pub mod apis; // resource servers and their scopes
pub mod audit; // who did what
pub mod audit_chains; // where the chain of what was done begins and ends
pub mod audit_entry; // what of that is sealed, and what is personal
pub mod authorization_codes; // codes, by digest
pub mod changes; // the ordered log of what can change an answer
pub mod client_grants; // what people gave clients, for those who run them
pub mod clients; // clients and what they were granted
pub mod clock_readings; // what the clock showed, and what is past for sure
pub mod consents; // what people allowed clients
pub mod credential_offers; // prepared for a member, fetched by him
pub mod credentials; // clients that belong to a person
pub mod device_codes; // requests of devices that have no browser
pub mod document; // JSON at rest
pub mod factors; // what a person can prove himself with
pub mod failures; // what was refused at the OAuth endpoints
pub mod grants; // the family of everything issued for what a person gave a client
pub mod guess_counts; // guesses in a row, for each thing that is guessed
pub mod idempotency; // answers remembered for a repeated request
pub mod incarnations; // numbers that tell what is given again from what was taken
pub mod instance; // facts about this installation
pub mod invitations; // on their way into organisations
pub mod keys; // signing keys, sealed
pub mod logout_deliveries; // word to clients that a session ended
pub mod mails; // mail on its way
pub mod once; // texts that work once
pub mod organizations; // tenants
pub mod passkeys; // WebAuthn credentials
mod profile; // what a person tells apps about himself
pub mod recovery_codes; // digests of codes that stand in for a lost device
pub mod recovery_requests; // people who cannot sign in
pub mod revocations; // single tokens cut off
pub mod scope_trims; // scopes that were taken because nobody asked for them
pub mod secrets; // client secrets, digests only
pub mod sessions; // signed-in browsers
pub mod sign_in_failures; // who guesses, by account and network
pub mod tokens_out; // how many access tokens are alive
pub mod totp_secrets; // shared secrets of authenticator apps, sealed
pub mod transfers; // clients on their way to another organisation
pub mod usage; // how clients are used
pub mod users; // people and their memberships
pub mod webhook_deliveries; // messages to them
pub mod webhooks; // addresses that want to be told
