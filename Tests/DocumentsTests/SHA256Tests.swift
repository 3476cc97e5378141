import Testing

@testable import KingletDocuments

struct SHA256Tests {
  /// The examples of FIPS 180-4's test vectors, and a million letters.
  @Test func knownDigests() {
    #expect(
      "\(ContentHash(Array("abc".utf8)))" == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect("\(ContentHash([]))" == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    let two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
    #expect(
      "\(ContentHash(Array(two.utf8)))" == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    let million = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
    #expect("\(ContentHash(million))" == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  @Test func piecesMakeTheSameDigest() {
    let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    for size in [1, 3, 63, 64, 65, 200] {
      var hash = SHA256()
      for start in stride(from: 0, to: bytes.count, by: size) {
        hash.update(Array(bytes[start..<min(1000, start + size)]))
      }
      #expect(hash.finalize() == ContentHash(bytes).bytes)
    }
  }

  @Test func partsDoNotRunTogether() {
    #expect(ContentHash(of: ["ab", "c"]) != ContentHash(of: ["a", "bc"]))
  }
}
