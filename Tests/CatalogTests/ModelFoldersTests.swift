import Testing

@testable import KingletCatalog

@Suite("The folders of models")
struct ModelFoldersTests {
  @Test("KINGLET_MODELS comes first, the checkout second, the cache last")
  func order() throws {
    let checkout = try TemporaryFolder()
    try checkout.write("models/catalog.json", bytes: 2)
    let environment = ["KINGLET_MODELS": "/chosen", "XDG_CACHE_HOME": "/cache", "HOME": "/home/wren"]
    let folders = ModelFolders(environment: environment, currentDirectory: checkout.path)
    #expect(folders.paths == ["/chosen", checkout.path + "/models", "/cache/kinglet/models"])
  }

  @Test("a folder that is no checkout is not searched")
  func elsewhere() throws {
    let folder = try TemporaryFolder()
    try folder.write("models/sparrow.gguf", bytes: 3)
    #expect(ModelFolders(environment: [:], currentDirectory: folder.path).paths == [])
  }

  @Test("a folder named twice is searched once")
  func repeated() throws {
    let checkout = try TemporaryFolder()
    try checkout.write("models/catalog.json", bytes: 2)
    let environment = ["KINGLET_MODELS": checkout.path + "/models"]
    #expect(
      ModelFolders(environment: environment, currentDirectory: checkout.path).paths == [checkout.path + "/models"])
  }

  @Test("the cache follows XDG: absolute XDG_CACHE_HOME, else the home, else none")
  func cache() {
    #if os(macOS)
      let home = "/home/wren/Library/Caches/kinglet/models"
    #else
      let home = "/home/wren/.cache/kinglet/models"
    #endif
    #expect(ModelFolders.cache(environment: ["XDG_CACHE_HOME": "/c", "HOME": "/home/wren"]) == "/c/kinglet/models")
    #expect(ModelFolders.cache(environment: ["XDG_CACHE_HOME": "c", "HOME": "/home/wren"]) == home)
    #expect(ModelFolders.cache(environment: ["XDG_CACHE_HOME": "", "HOME": "/home/wren"]) == home)
    #expect(ModelFolders.cache(environment: ["HOME": ""]) == nil)
    #expect(ModelFolders.cache(environment: [:]) == nil)
  }

  @Test("empty variables are as good as unset")
  func empty() {
    #expect(ModelFolders(environment: ["KINGLET_MODELS": ""], currentDirectory: "/nowhere").paths == [])
  }
}
