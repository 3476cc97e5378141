import Foundation
import KingletErrors
import Testing

@testable import KingletCatalog

@Suite("What --model means")
struct ResolutionTests {
  private let first: TemporaryFolder
  private let second: TemporaryFolder
  private let catalog: Catalog
  private var folders: ModelFolders { ModelFolders(paths: [first.path, second.path]) }

  init() throws {
    first = try TemporaryFolder()
    second = try TemporaryFolder()
    catalog = try Samples.catalog()
  }

  private func failure(_ model: String, in folders: ModelFolders? = nil) -> KingletError? {
    #expect(throws: KingletError.self) { try catalog.resolve(model, in: folders ?? self.folders) }
  }

  @Test("a path that exists is taken as it is")
  func path() throws {
    let path = try first.write("anything.bin", bytes: 1)
    #expect(try catalog.resolve(path, in: folders) == path)
  }

  @Test("a name leads to the first folder that has the file")
  func order() throws {
    let later = try second.write("sparrow.gguf", bytes: 3)
    #expect(try catalog.resolve("sparrow", in: folders) == later)
    let earlier = try first.write("sparrow.gguf", bytes: 3)
    #expect(try catalog.resolve("sparrow", in: folders) == earlier)
  }

  @Test("a linked file counts with the size of what it leads to")
  func link() throws {
    let target = try second.write("elsewhere/bird.gguf", bytes: 3)
    let link = first.path + "/sparrow.gguf"
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
    #expect(try catalog.resolve("sparrow", in: folders) == link)
    try FileManager.default.removeItem(atPath: target)
    #expect(failure("sparrow")?.code == .modelNotFound)
  }

  @Test("a model that is a folder is there when its files are, each of its size")
  func folderModel() throws {
    let catalog = try Catalog(json: Array(Samples.json(file: "sparrow", partFile: "nest/egg").utf8))
    func resolved() throws -> String { try catalog.resolve("sparrow", in: folders) }
    #expect(throws: KingletError.self) { try resolved() }
    try first.write("sparrow/nest/egg", bytes: 2)
    #expect(throws: KingletError.self) { try resolved() }
    try first.write("sparrow/nest/egg", bytes: 3)
    #expect(try resolved() == first.path + "/sparrow")
    #expect(catalog.defaultEntry.isFolder)
  }

  @Test("a folder of a Hugging Face model is taken as it is, another is not")
  func huggingFaceFolder() throws {
    try first.write("bird/other.json", bytes: 2)
    #expect(failure(first.path + "/bird")?.code == .fileNotFound)
    try first.write("bird/config.json", bytes: 2)
    #expect(try catalog.resolve(first.path + "/bird", in: folders) == first.path + "/bird")
  }

  @Test("an incomplete file is passed over for a complete one")
  func passesOver() throws {
    try first.write("sparrow.gguf", bytes: 2)
    let whole = try second.write("sparrow.gguf", bytes: 3)
    #expect(try catalog.resolve("sparrow", in: folders) == whole)
  }

  @Test("an incomplete file alone is an error with both sizes and the remedy", arguments: [0, 2, 4])
  func incomplete(bytes: Int) throws {
    let path = try second.write("sparrow.gguf", bytes: bytes)
    let error = try #require(failure("sparrow"))
    #expect(error.code == .modelNotFound)
    #expect(error.location == path)
    #expect(error.message.contains("has \(bytes) bytes") && error.message.contains("has 3"))
    #expect(error.remedy == "Fetch it with `scripts/fetch-model sparrow`")
    #expect(!catalog.defaultEntry.isPresent(in: folders))
    #expect(catalog.defaultEntry.presence(in: folders) == .incomplete(path: path, size: bytes))
  }

  @Test("an absent model says which file was looked for, where, and how to fetch it")
  func absent() throws {
    let error = try #require(failure("sparrow"))
    #expect(error.code == .modelNotFound)
    for part in ["sparrow.gguf", first.path, second.path, "scripts/fetch-model sparrow"] {
      #expect(error.description.contains(part))
    }
    #expect(failure("sparrow", in: ModelFolders(paths: []))?.message.contains("no folder") == true)
  }

  @Test("a folder in the place of the file is as good as nothing")
  func folderInPlace() throws {
    try first.write("sparrow.gguf/inside", bytes: 3)
    #expect(catalog.defaultEntry.presence(in: folders) == .absent)
  }

  @Test("what can only be a path is missing as a file, not as a model")
  func missingPath() throws {
    #expect(failure("nowhere/sparrow")?.code == .fileNotFound)
    #expect(failure("nothing.GGUF")?.code == .fileNotFound)
    let folder = try #require(failure(first.path))
    #expect(folder.code == .fileNotFound)
    #expect(folder.message.contains("folder"))
  }

  @Test(
    "a slip of the fingers gets a suggestion, anything else the list",
    arguments: [
      ("sparow", "sparrow"), ("SPARRWO", "sparrow"), ("goldfinhc", "goldfinch"), ("gold", "goldfinch"),
      ("eagle", nil), ("", nil), ("🐦", nil),
    ] as [(String, String?)])
  func suggestion(typed: String, meant: String?) throws {
    let error = try #require(failure(typed))
    #expect(error.code == .modelNotFound)
    #expect(error.remedy?.contains("The catalogue has sparrow, goldfinch") == true)
    #expect(error.remedy?.contains("Did you mean") == (meant != nil))
    if let meant { #expect(error.remedy?.contains("`\(meant)`") == true) }
  }
}
