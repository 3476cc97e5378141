import KingletErrors
import KingletGGUF

/// Gathers which tokens steer the model, and which of them stand around a text, from all the files that say so.
///
/// The order in which one file overrules another is that of llama.cpp's `SpecialVocab`: the tokenizer's post-processor,
/// then `tokenizer_config.json`, then `config.json`. `special_tokens_map.json` is asked where the second is silent.
struct SpecialTokenMetadata {
  private let table: TokenTable
  private let settings: TokenizerSettings?
  private let map: SpecialTokensMap?
  private let config: TokenizerModelConfig?

  private var texts: [Role: String] = [:]
  private var adds: [Role: Bool] = [:]

  /// What a token is for, by the name that files give it.
  private enum Role: String, CaseIterable {
    case bos, eos, eot, unknown, separator = "seperator", padding, mask
  }

  init(
    _ table: TokenTable, json: TokenizerJSON?, settings: TokenizerSettings?, map: SpecialTokensMap?,
    config: TokenizerModelConfig?
  ) {
    self.table = table
    self.settings = settings
    self.map = map
    self.config = config
    for role in Role.allCases { texts[role] = named(role) }
    if let json {
      // BERT's texts start with its token of classification and end with its separator.
      texts[.bos] = texts[.bos] ?? settings?.cls_token?.content ?? map?.cls_token?.content
      texts[.eos] = texts[.eos] ?? texts[.separator]
      texts[.unknown] =
        texts[.unknown] ?? json.model.unk_token
        ?? json.model.unk_id.flatMap { table.texts.indices.contains($0) ? table.texts[$0] : nil }
      for step in json.post_processor?.steps ?? [] { read(step) }
    }
    adds[.bos] = adds[.bos] ?? settings?.add_bos_token
    adds[.eos] = adds[.eos] ?? settings?.add_eos_token
  }

  /// The metadata, for what is known and in the vocabulary.
  var pairs: [(key: String, value: GGUFValue)] {
    var ids: [Role: Int] = [:]
    for role in Role.allCases {
      ids[role] =
        texts[role].flatMap(table.id) ?? configured(role).flatMap { (0..<table.count).contains($0) ? $0 : nil }
    }
    var pairs: [(key: String, value: GGUFValue)] = []
    for role in Role.allCases {
      if let id = ids[role] { pairs.append(("tokenizer.ggml.\(role.rawValue)_token_id", .uint32(UInt32(id)))) }
    }
    for (role, name) in [(Role.bos, "bos"), (.eos, "eos"), (.separator, "sep")] {
      // A token that is not there cannot be added.
      if let adds = adds[role], !adds || ids[role] != nil {
        pairs.append(("tokenizer.ggml.add_\(name)_token", .bool(adds)))
      }
    }
    return pairs
  }

  private mutating func read(_ step: TokenizerJSON.PostProcessor) {
    switch step.type {
    case "ByteLevel":
      adds[.bos] = adds[.bos] ?? false
      adds[.eos] = adds[.eos] ?? false
    case "RobertaProcessing": (adds[.bos], adds[.eos], adds[.separator]) = (true, true, true)
    case "BertProcessing": (adds[.bos], adds[.eos], adds[.separator]) = (true, true, false)
    case "TemplateProcessing": readTemplate(step.single ?? [], pair: step.pair ?? [])
    default: break
    }
  }

  /// `[CLS] A [SEP]` and, for two texts, `[CLS] A [SEP] B [SEP]` or `<s> A </s></s> B </s>`.
  private mutating func readTemplate(
    _ single: [TokenizerJSON.PostProcessor.Piece], pair: [TokenizerJSON.PostProcessor.Piece]
  ) {
    guard single.count > 1 else { return }
    let (first, last) = (single.first?.SpecialToken?.id, single.last?.SpecialToken?.id)
    if let first {
      texts[.bos] = first
      adds[.bos] = true
    }
    if let last {
      // The token that texts end with need not be the one that a turn ends with.
      if let eos = texts[.eos], eos != last { texts[.eot] = texts[.eot] ?? eos }
      texts[.eos] = last
      adds[.eos] = true
    }
    let between = pair.filter { $0.SpecialToken != nil }.count - (first == nil ? 0 : 1) - (last == nil ? 0 : 1)
    if !pair.isEmpty {
      adds[.separator] = between > (last == nil ? 0 : 1)
      if between > 0 { texts[.separator] = texts[.separator] ?? texts[.eos] }
    }
  }

  private func named(_ role: Role) -> String? {
    func text(_ settings: TokenizerSettings?) -> String? {
      switch role {
      case .bos: settings?.bos_token?.content
      case .eos: settings?.eos_token?.content
      case .unknown: settings?.unk_token?.content
      case .separator: settings?.sep_token?.content
      case .padding: settings?.pad_token?.content
      case .mask: settings?.mask_token?.content
      case .eot: nil
      }
    }
    return text(settings) ?? text(map)
  }

  private func configured(_ role: Role) -> Int? {
    switch role {
    case .bos: config?.bos_token_id?.id
    case .eos: config?.eos_token_id?.id
    case .unknown: config?.unk_token_id?.id
    case .separator: config?.sep_token_id?.id
    case .padding: config?.pad_token_id?.id
    case .mask, .eot: nil
    }
  }
}
