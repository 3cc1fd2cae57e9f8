"""The reference WOS: the smallest that keeps every rule of its role, clear enough to read in one sitting."""
