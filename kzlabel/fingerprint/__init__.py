"""What a work looks, sounds or reads like, in few bytes: enough to tell a copy from another work, too little for more.

Arrays and texts in, fingerprints out; knows no files. A fingerprint is signed with the manifest, so that whoever finds
a manifest by a watermark can tell whether the content in hand is the content that was labelled.
"""

from .lookup import ALGORITHMS, Fingerprint, keys

__all__ = ["ALGORITHMS", "Fingerprint", "keys"]
