"""How much copying the collusion statistics find in simulated exams, and how often they accuse the innocent."""
