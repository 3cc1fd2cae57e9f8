"""The reference agent: announces its device, polls its WOS, adopts what it can verify, runs it and reports.

Written from `spec/v1.0` alone; for reading and for trying, never a product.
"""
