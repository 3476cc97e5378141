import ArgumentParser
import KingletCatalog

struct Models: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the models of the catalogue, and which of them are here.",
    discussion: """
      Examples:
        kinglet models
        kinglet models --json

      `scripts/fetch-model NAME` fetches one.
      """)

  @Flag(help: "Print a JSON object with a list `models`.")
  var json = false

  private struct Report: Encodable {
    struct Model: Encodable {
      let name: String
      let description: String
      let architecture: String
      let parameters: Int
      let context: Int
      let chatTemplate: Bool
      let embedder: Bool
      let licence: String
      let size: Int
      let isDefault: Bool
      let presence: String
      let path: String?
    }
    let models: [Model]
  }

  func run() throws {
    let catalog = try Catalog.builtIn()
    let models = catalog.entries.map { entry in
      let (presence, path): (String, String?) =
        switch entry.presence(in: .current) {
        case .present(let path): ("present", path)
        case .incomplete(let path, _): ("incomplete", path)
        case .absent: ("absent", nil)
        }
      return Report.Model(
        name: entry.name, description: entry.description, architecture: entry.architecture,
        parameters: entry.parameters, context: entry.context, chatTemplate: entry.chatTemplate,
        embedder: entry.isEmbedder, licence: entry.licence,
        size: entry.size, isDefault: entry.name == catalog.defaultEntry.name, presence: presence, path: path)
    }
    if json { return try printJSON(Report(models: models)) }
    let rows = models.map { model in
      [
        model.name + (model.isDefault ? " (default)" : ""), byteCount(model.size), model.presence,
        model.embedder ? "embed" : model.chatTemplate ? "chat" : "base", model.licence, model.description,
      ]
    }
    try standardOutput(table([["name", "size", "here", "kind", "licence", ""]] + rows, right: [1]))
    for model in models { if let path = model.path { try standardOutput("\(model.name): \(path)\n") } }
  }
}
