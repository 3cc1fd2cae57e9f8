-- An enrolment with a factory certificate has the certificate in place of a code.
ALTER TABLE enrolments ADD COLUMN certificate TEXT;
