"""What the REST routes of exams take and give. Views of authors hold keys; those of students have no place for one."""
