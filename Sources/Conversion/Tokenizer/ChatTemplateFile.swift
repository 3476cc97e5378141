import KingletErrors
import KingletGGUF

/// The chat template of a folder, which lies in one of three files.
struct ChatTemplateFile {
  private let folder: TokenizerFolder
  private let settings: TokenizerSettings?

  init(_ folder: TokenizerFolder, _ settings: TokenizerSettings?) {
    self.folder = folder
    self.settings = settings
  }

  private struct InJSON: Decodable { let chat_template: TokenizerSettings.ChatTemplate? }

  /// `tokenizer.chat_template`, and further templates under their names.
  func metadata() throws(KingletError) -> TokenizerConversion.Metadata {
    switch try template() {
    case nil: return []
    case .one(let template): return [("tokenizer.chat_template", .string(template))]
    case .named(let templates):
      var pairs: TokenizerConversion.Metadata = []
      var names: [String] = []
      for template in templates {
        if template.name == "default" {
          pairs.append(("tokenizer.chat_template", .string(template.template)))
        } else {
          pairs.append(("tokenizer.chat_template.\(template.name)", .string(template.template)))
          names.append(template.name)
        }
      }
      if !names.isEmpty { pairs.append(("tokenizer.chat_templates", .array(GGUFArray(names)))) }
      return pairs
    }
  }

  private func template() throws(KingletError) -> TokenizerSettings.ChatTemplate? {
    if let template = settings?.chat_template { return template }
    if let bytes = try folder.bytes(of: "chat_template.jinja") { return .one(String(decoding: bytes, as: UTF8.self)) }
    return try folder.json("chat_template.json", as: InJSON.self)?.chat_template
  }
}
