import Foundation
import KingletConversion
import KingletErrors
import KingletGGUF
import Testing

@Suite("Folders used as models")
struct ConvertedFileTests {
  @Test("A folder is converted once, and again when it has changed")
  func cache() throws {
    var folder = ToyFolder()
    let cache = folder.path + "/a/cache"
    defer { folder.remove() }
    try folder.write()

    let first = try ConvertedFile(of: folder.path, cache: cache)
    #expect(!first.isPresent)
    try first.make()
    #expect(first.isPresent)
    #expect(try GGUFFile(path: first.path).metadata["general.architecture"] == .string("bert"))
    #expect(try ConvertedFile(of: folder.path, cache: cache).path == first.path)

    folder.files["more.json"] = "{}"
    try folder.write()
    let second = try ConvertedFile(of: folder.path, cache: cache)
    #expect(second.path != first.path)
    try second.make(progress: { _ in })
    try second.make(isCancelled: { true })
    #expect(!first.isPresent)
    #expect(try FileManager.default.contentsOfDirectory(atPath: cache) == [(second.path as NSString).lastPathComponent])
  }

  @Test("Cancelled, it leaves nothing")
  func cancellation() throws {
    let folder = ToyFolder()
    defer { folder.remove() }
    try folder.write()
    let cache = folder.path + "/cache"
    let error = #expect(throws: KingletError.self) {
      try ConvertedFile(of: folder.path, cache: cache).make(isCancelled: { true })
    }
    #expect(error?.code == .cancelled)
    #expect(try FileManager.default.contentsOfDirectory(atPath: cache).isEmpty)
  }

  @Test("A folder that is none, and a cache that cannot be")
  func missing() throws {
    let error = #expect(throws: KingletError.self) { try ConvertedFile(of: "/nowhere", cache: "/tmp") }
    #expect(error?.code == .fileNotFound)
    let folder = ToyFolder()
    defer { folder.remove() }
    try folder.write()
    #expect(throws: KingletError.self) { try ConvertedFile(of: folder.path, cache: "/dev/null/cache").make() }
  }
}
