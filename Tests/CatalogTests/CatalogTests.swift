// CatalogTests: the catalogue's own rules, what a broken one says, and how `--model` finds a file.

import KingletErrors
import Testing

@testable import KingletCatalog

@Suite("The catalogue")
struct CatalogTests {
  @Test("the built-in catalogue keeps its own rules and has the promised names")
  func builtIn() throws {
    let catalog = try Catalog.builtIn()
    #expect(catalog.defaultEntry.name == "qwen2.5-coder-0.5b")
    #expect(
      catalog.entries.map(\.name).starts(with: ["smollm2", "gemma-3-270m", "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"]))
    #expect(Set(catalog.entries.map(\.file)).count == catalog.entries.count)
    #expect(catalog["gemma-3-270m"]?.chatTemplate == false)
    #expect(catalog["smollm2"]?.architecture == "llama")
  }

  @Test("names are found in any case, and only whole")
  func lookup() throws {
    let catalog = try Samples.catalog()
    #expect(catalog["Sparrow"]?.name == "sparrow")
    #expect(catalog["spar"] == nil)
    #expect(catalog[""] == nil)
  }

  /// A catalogue with one fault, and the place its error must name.
  struct Fault: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let json: String
    let place: String

    init(_ name: String, _ json: String, at place: String) {
      testDescription = name
      self.json = json
      self.place = place
    }
  }

  @Test(
    "a broken catalogue is an error that names the place",
    arguments: [
      Fault("nothing", "", at: "top"),
      Fault("an array", "[]", at: "top"),
      Fault("no default", "{}", at: "default"),
      Fault("no name", #"{"default": "a", "models": [{}]}"#, at: "models.0.name"),
      Fault("no models", #"{"default": "a", "models": []}"#, at: "default"),
      Fault("a size in letters", Samples.json(size: "\"3\""), at: "models.0.size"),
      Fault("a size beyond 64 bits", Samples.json(size: "99999999999999999999"), at: "top"),
      Fault("parts that do not add up", Samples.json(size: "4"), at: "sparrow"),
      Fault("a negative size", Samples.json(size: "-3", partSize: "-3"), at: "sparrow"),
      Fault("a path for a file", Samples.json(file: "../../etc/passwd"), at: "sparrow"),
      Fault("a hidden file", Samples.json(file: ".hidden"), at: "sparrow"),
      Fault("half a checksum", Samples.json(sha256: "12"), at: "sparrow"),
      Fault("a part put outside", Samples.json(partFile: "../bird"), at: "sparrow"),
      Fault("an unknown default", Samples.json(default: "eagle"), at: "default"),
      Fault("a name used twice", Samples.json(repeated: true), at: "sparrow"),
    ])
  func broken(fault: Fault) {
    let error = #expect(throws: KingletError.self) { try Catalog(json: Array(fault.json.utf8)) }
    #expect(error?.code == .fileCorrupt)
    #expect(error?.location == "catalogue of models: " + fault.place)
  }

  @Test("a catalogue cut off anywhere is an error, never a trap")
  func truncated() {
    let json = Array(Samples.json().utf8)
    for length in 0..<json.count - 1 {
      #expect(throws: KingletError.self) { try Catalog(json: Array(json[..<length])) }
    }
  }
}
