//! The number of an organisation that only rises. Whatever is cut off, and whatever is granted that was not granted before,
//! draws the next one first, in the same transaction. So something made before a cut names a lower number than what is
//! granted after it, and never counts again, whatever it is called.
//!
//! The row of the organisation is locked from the draw to the end of the transaction: no two draw the same number.

use crate::db::Statement;

/// Draws the next number of an organisation.
pub fn draw(org_id: &str) -> Statement {
    Statement::new(
        "UPDATE organizations SET incarnation = incarnation + 1 WHERE id = $1",
        vec![org_id.into()],
    )
}

/// Draws the next number of an organisation to which a client comes from another one: above those of both.
pub fn draw_for_transfer(from_org_id: &str, to_org_id: &str) -> [Statement; 2] {
    [
        draw(from_org_id),
        Statement::new(
            "UPDATE organizations SET incarnation = 1 + (SELECT MAX(o.incarnation) FROM organizations o \
             WHERE o.id = $1 OR o.id = $2) WHERE id = $2",
            vec![from_org_id.into(), to_org_id.into()],
        ),
    ]
}

/// Draws the next number of each organisation in which a person has credentials.
pub fn draw_for_credentials(user_id: &str) -> Statement {
    Statement::new(
        "UPDATE organizations SET incarnation = incarnation + 1 WHERE id IN (SELECT org_id FROM clients \
         WHERE user_id = $1 AND kind = 'personal' AND status <> 'deleted')",
        vec![user_id.into()],
    )
}
